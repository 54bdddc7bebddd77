"""Losses of pairs and triplets of embeddings against loops over their definitions, at the ends of the numbers too."""

import math
import pickle

import mpmath
import pytest
import torch

import losslab.functional as F
from losslab import nn
from losslab.spec import policy


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def cosine(a, b):
    lengths = [mpmath.sqrt(sum(x * x for x in one)) for one in (a, b)]
    return sum(x * y for x, y in zip(a, b, strict=True)) / (lengths[0] * lengths[1]) if all(lengths) else mpmath.mpf(0)


PAIRS = [
    ([3.0, -4.0, 1.0], [0.5, 2.0, -7.0]), ([1.0, 2.0, 3.0], [2.0, 4.0, 6.5]),
    ([1e-160, 2e-160, 0.0], [1e-200, 0.0, 0.0]), ([1e300, -2e300, 5e299], [3e305, 1e305, 0.0]),
    ([1e-9, 1.0, 0.0], [1.0, 1e-9, 0.0]),
]  # fmt: skip


@pytest.mark.parametrize("margin", [0.0, 0.4, -0.9])
@pytest.mark.parametrize("target", [1.0, -1.0])
def test_the_cosine_and_its_slopes_in_fifty_digits(target, margin):
    def define(*numbers):
        cos = cosine(numbers[:3], numbers[3:])
        return 1 - cos if target == 1 else max(mpmath.mpf(0), cos - margin)

    for a, b in PAIRS:
        x, z = double([a]).requires_grad_(), double([b]).requires_grad_()
        value = F.cosine_embedding_loss(x, z, double([target]), margin, reduction="sum")
        slopes = torch.cat(torch.autograd.grad(value, (x, z)), 1)[0]
        with mpmath.workdps(50):
            at = [mpmath.mpf(number) for number in a + b]
            assert value.item() == pytest.approx(float(define(*at)), rel=1e-12, abs=1e-15)
            scale = [max(map(abs, a))] * 3 + [max(map(abs, b))] * 3
            for k in range(6):  # by a step in proportion to the vector
                step = mpmath.mpf(scale[k]) * mpmath.mpf("1e-15")
                ahead, behind = (define(*(n + sign * step * (i == k) for i, n in enumerate(at))) for sign in (1, -1))
                wanted = (ahead - behind) / (2 * step)
                assert slopes[k].item() * scale[k] == pytest.approx(float(wanted * scale[k]), rel=1e-9, abs=1e-15)


def test_a_cosine_is_never_above_one():
    x = torch.randn(2000, 5, generator=torch.Generator().manual_seed(2))
    same = F.cosine_embedding_loss(x, x * 3, torch.ones(2000), reduction="none")
    apart = F.cosine_embedding_loss(x, -x, -torch.ones(2000), -1.0, reduction="none")
    assert same.min() >= 0
    assert same.max() < 1e-6
    assert apart.min() >= 0


def test_what_has_no_direction_has_cosine_0_and_no_gradient():
    x, z = (
        torch.zeros(3, 2, requires_grad=True),
        torch.tensor([[1.0, 2.0], [0.0, 0.0], [3e38, 1.0]], requires_grad=True),
    )
    value = F.cosine_embedding_loss(x, z, torch.tensor([1.0, 1.0, -1.0]), reduction="none")
    assert value.tolist() == [1.0, 1.0, 0.0]
    for slope in torch.autograd.grad(value.sum(), (x, z)):
        assert not slope.any()


def test_numbers_near_the_end_of_float32():
    x = torch.tensor([[2.0775e38, 3.0262e38]], requires_grad=True)
    value = F.cosine_embedding_loss(x, torch.ones(1, 2), torch.ones(1))
    assert value.item() == pytest.approx(1 - 0.98315863587266519, rel=1e-5)
    assert torch.autograd.grad(value, x)[0].isfinite().all()
    assert torch.nn.functional.cosine_embedding_loss(x, torch.ones(1, 2), torch.ones(1)).isnan()


@pytest.mark.parametrize("odd", [[0.0, 1.0], [4.0, -5.0], [0.5, -1.0]])
def test_targets_that_are_no_signs_are_warned_of_and_cost_what_they_cost_in_torch(odd):
    x, z, y = *torch.randn(2, 2, 3), torch.tensor(odd)
    with pytest.warns(policy.LossWarning, match="target must hold -1 and"):
        found = F.cosine_embedding_loss(x, z, y, 0.25)
    torch.testing.assert_close(found, torch.nn.functional.cosine_embedding_loss(x, z, y, 0.25))


def test_a_target_in_a_column_is_refused():
    with pytest.raises(ValueError, match=r"target \(4, 1\)"):
        F.cosine_embedding_loss(torch.randn(4, 3), torch.randn(4, 3), torch.ones(4, 1))


def test_without_a_batch_as_torch():
    x, z = torch.randn(2, 5)
    for y in (1.0, -1.0):
        ours, theirs = (place.CosineEmbeddingLoss(-0.5)(x, z, torch.tensor(y)) for place in (nn, torch.nn))
        torch.testing.assert_close(ours, theirs)


def triplets(seed=0):
    return torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def manhattan(a, b):
    return (a - b).abs().sum(-1)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("own", [None, manhattan, lambda a, b: 1 - torch.cosine_similarity(a, b, -1)])
@pytest.mark.parametrize("margin", [0.3, 2.5])
def test_a_distance_of_ones_own_by_the_definition(own, swap, margin):
    batch = triplets().requires_grad_()
    found = F.triplet_margin_with_distance_loss(
        *batch, distance_function=own, margin=margin, swap=swap, reduction="none"
    )
    d = own or (lambda a, b: sum((x - y + 1e-6) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)
    wanted = []
    for a, p, n in batch.unbind(1):
        far = min(d(a, n), d(p, n)) if swap else d(a, n)
        wanted.append((d(a, p) - far + margin).clamp(min=0))
    torch.testing.assert_close(found, torch.stack(wanted))
    slopes = [torch.autograd.grad(one, batch, retain_graph=True)[0] for one in (found.sum(), sum(wanted))]
    torch.testing.assert_close(*slopes)


def test_one_distance_for_a_picture_of_any_shape():
    a, p, n = torch.randn(3, 5, 2, 3, 4)
    apart = lambda x, y: (x - y).square().flatten(1).sum(1)
    options = {"distance_function": apart, "margin": 2.0}
    theirs = torch.nn.functional.triplet_margin_with_distance_loss(a, p, n, **options, reduction="none")
    torch.testing.assert_close(F.triplet_margin_with_distance_loss(a, p, n, **options, reduction="none"), theirs)
    rows = torch.tensor([True, False, True, True, False])
    mask = torch.zeros(5, 2, 3, dtype=torch.bool)
    mask[rows, 0] = True
    found = F.triplet_margin_with_distance_loss(a, p, n, **options, mask=mask, reduction="none")
    assert (found[~rows] == 0).all()
    with pytest.raises(ValueError, match=r"the rule returned shape \(2,\)"):
        F.triplet_margin_with_distance_loss(a, p, n, distance_function=lambda x, y: (x - y).sum((0, 2, 3)))


def test_the_distance_may_have_weights_that_learn():
    class Stretched(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64))

        def forward(self, a, b):
            return ((a - b) * self.scale).square().sum(-1)

    loss = nn.TripletMarginWithDistanceLoss(distance_function=Stretched(), margin=5.0)
    loss(*triplets()).backward()
    assert [name for name, _ in loss.named_parameters()] == ["distance_function.scale"]
    assert loss.distance_function.scale.grad.abs().sum() > 0
    again = pickle.loads(pickle.dumps(nn.TripletMarginWithDistanceLoss(distance_function=manhattan)))
    torch.testing.assert_close(
        again(*triplets()), F.triplet_margin_with_distance_loss(*triplets(), distance_function=manhattan)
    )


def test_without_a_distance_it_is_the_triplet_loss():
    for margin in (0.5, 3.0):
        one = F.triplet_margin_with_distance_loss(*triplets(), margin=margin, swap=True)
        torch.testing.assert_close(one, F.triplet_margin_loss(*triplets(), margin, swap=True))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, 300.0])
def test_the_triplet_loss_at_any_power_by_the_definition(p):
    a, p_, n = batch = triplets(3)
    found = F.triplet_margin_loss(*batch, 1.0, p, 0.0, reduction="none")
    with mpmath.workdps(30):
        for row in range(6):
            near, far = (
                mpmath.power(
                    sum(
                        mpmath.power(abs(mpmath.mpf(x) - y), p)
                        for x, y in zip(a[row].tolist(), b[row].tolist(), strict=True)
                    ),
                    1 / p,
                )
                for b in (p_, n)
            )
            assert found[row].item() == pytest.approx(float(max(0, near - far + 1)), rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("name", ["triplet_margin_loss", "triplet_margin_with_distance_loss"])
def test_margins_and_powers_out_of_bounds_are_refused(name):
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="margin"):
            getattr(F, name)(*triplets(), margin=margin)
    with pytest.raises(ValueError, match=r"p = 0\.5"):
        F.triplet_margin_loss(*triplets(), p=0.5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_distances_whose_squares_leave_the_type(sign, size):
    origin = torch.zeros(1, 2)
    near = sign * size * torch.tensor([[3.0, 4.0]])
    far = sign * size * torch.tensor([[5.0, 12.0]])
    found = F.triplet_margin_loss(origin, far, near, margin=2 * size, eps=0.0)
    assert found.item() == pytest.approx(10 * size, rel=1e-6)
    by_three = F.triplet_margin_loss(origin, far, near, margin=size, p=3.0, eps=0.0)
    assert by_three.item() == pytest.approx(((125 + 1728) ** (1 / 3) - 91 ** (1 / 3) + 1) * size, rel=1e-6)
