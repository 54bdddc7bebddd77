"""Losses over pairs of a labelled batch against plain loops over their definitions, and in their hard cases."""

import math

import pytest
import torch

import losslab.functional as L
from losslab import nn
from losslab.catalog import CATALOGUE
from losslab.catalog.similarity import length, unit
from losslab.spec import policy

LABELS = torch.tensor([3, 0, 3, 1, 0, 3, 7])  # three of 3, two of 0; 1 and 7 stand alone
BATCH = ["lifted_structure_loss", "multi_similarity_loss", "circle_loss", "batch_hard_triplet_loss", "smooth_ap_loss"]
QUIET = pytest.mark.filterwarnings("ignore::losslab.spec.policy.LossWarning")


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def far(a, b):
    return torch.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def cosine(a, b):
    return dot(a, b) / torch.sqrt(dot(a, a) * dot(b, b))


def kin(y, i):
    return [j for j in range(len(y)) if j != i and y[j] == y[i]], [j for j in range(len(y)) if y[j] != y[i]]


def lifted(x, y, margin=1.0):
    """The paper's sum over unordered pairs, halved only with their number."""
    total, count = 0.0, 0
    for i in range(len(y)):
        for j in range(i + 1, len(y)):
            if y[i] == y[j]:
                near = [torch.exp(margin - far(x[a], x[k])) for a in (i, j) for k in kin(y, a)[1]]
                total += max(torch.log(sum(near)) + far(x[i], x[j]), torch.tensor(0.0)) ** 2
                count += 2
    return total, count


def multi_similarity(x, y, alpha=2.0, beta=50.0, base=0.5):
    total = 0.0
    for i in range(len(y)):
        own, other = kin(y, i)
        total += torch.log(1 + sum(torch.exp(-alpha * (cosine(x[i], x[j]) - base)) for j in own) + 0 * x[0][0]) / alpha
        total += torch.log(1 + sum(torch.exp(beta * (cosine(x[i], x[j]) - base)) for j in other)) / beta
    return total, len(y)


def circle(x, y, margin=0.25, gamma=80.0):
    total, count = 0.0, 0
    for i in range(len(y)):
        own, other = kin(y, i)
        if own and other:
            count += 1
            up = sum(
                torch.exp(-gamma * max(1 + margin - cosine(x[i], x[j]).item(), 0) * (cosine(x[i], x[j]) - 1 + margin))
                for j in own
            )
            down = sum(
                torch.exp(gamma * max(cosine(x[i], x[j]).item() + margin, 0) * (cosine(x[i], x[j]) - margin))
                for j in other
            )
            total += torch.log(1 + up * down)
    return total, count


def batch_hard(x, y, margin=0.2, soft=False):
    total, count = 0.0, 0
    for i in range(len(y)):
        own, other = kin(y, i)
        if own and other:
            count += 1
            rise = max(far(x[i], x[j]) for j in own) - min(far(x[i], x[j]) for j in other)
            total += torch.log(1 + torch.exp(rise)) if soft else max(rise + margin, torch.tensor(0.0))
    return total, count


def smooth_ap(x, y, temperature=0.01):
    total, count = 0.0, 0
    for i in range(len(y)):
        own, other = kin(y, i)
        if not own:
            continue
        found = 0.0
        for p in own:

            def above(j, i=i, p=p):
                return 1 / (1 + torch.exp((cosine(x[i], x[p]) - cosine(x[i], x[j])) / temperature))

            ahead = 1 + sum(above(j) for j in own if j != p)
            found += ahead / (ahead + sum(above(j) for j in other))
        total, count = total + 1 - found / len(own), count + 1
    return total, count


ORACLES = {
    "lifted_structure_loss": (lifted, [{}, {"margin": 2.75}, {"margin": 0.0}]),
    "multi_similarity_loss": (multi_similarity, [{}, {"alpha": 5.0, "beta": 12.0, "base": -0.25}]),
    "circle_loss": (circle, [{}, {"margin": 0.4, "gamma": 3.0}]),
    "batch_hard_triplet_loss": (batch_hard, [{}, {"margin": 3.5}, {"soft": True}]),
    "smooth_ap_loss": (smooth_ap, [{}, {"temperature": 0.3}]),
}


def both(loss, *tensors, **options):
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    value = loss(*leaves, **options)
    return value.detach(), torch.autograd.grad(value.sum(), leaves)


@pytest.mark.parametrize("name", BATCH)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_definition_by_a_plain_loop(name, reduction):
    oracle, settings = ORACLES[name]
    for number, options in enumerate(settings):
        x = torch.randn(7, 4, dtype=torch.float64) * (1 + number)
        found = both(lambda t, o=options: getattr(L, name)(t, LABELS, reduction=reduction, **o), x)

        def loop(t, o=options):
            total, count = oracle(list(t), LABELS.tolist(), **o)
            return total / count if reduction == "mean" else total

        wanted = both(loop, x)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_contrastive_by_a_plain_loop():
    a, b, y = torch.randn(9, 3, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64), torch.arange(9) % 2
    for margin in (1.0, 2.5):

        def loop(a, b, margin=margin):
            values = [
                far(p, q) ** 2 / 2 if same else torch.clamp(margin - far(p, q), min=0) ** 2 / 2
                for p, q, same in zip(a, b, y.tolist(), strict=True)
            ]
            return torch.stack(values)

        found = both(lambda a, b, m=margin: L.contrastive_loss(a, b, y, margin=m, reduction="none"), a, b)
        torch.testing.assert_close(found, both(loop, a, b), rtol=1e-12, atol=1e-14)
    shaped = L.contrastive_loss(a.reshape(3, 3, 3), b.reshape(3, 3, 3), y.reshape(3, 3).bool(), reduction="none")
    torch.testing.assert_close(shaped.flatten(), L.contrastive_loss(a, b, y, reduction="none"))
    with pytest.raises(ValueError, match=r"target must hold 0 and 1, the first that is neither is -1 at \[2\]"):
        L.contrastive_loss(a[:3], b[:3], torch.tensor([0, 1, -1]))


def test_n_pair_is_cross_entropy_over_products_where_no_label_comes_twice():
    a, p = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    wanted = both(lambda a, p: torch.nn.functional.cross_entropy(a @ p.T, torch.arange(6), reduction="none"), a, p)
    for given in ((), (torch.arange(6),)):
        found = both(lambda a, p, g=given: L.n_pair_loss(a, p, *g, reduction="none"), a, p)
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)
    y = torch.tensor([0, 1, 0, 2, 1, 0])
    value = L.n_pair_loss(a, p, y, reduction="none")
    for i in range(6):
        rival = sum(math.exp(a[i] @ p[j] - a[i] @ p[i]) for j in range(6) if y[j] != y[i])
        assert value[i].item() == pytest.approx(math.log(1 + rival), rel=1e-12)
    unit_pairs = [t / t.norm(dim=-1, keepdim=True) for t in (a, p)]
    same = L.info_nce_loss(a, p, temperature=1.0)
    torch.testing.assert_close(L.n_pair_loss(*unit_pairs), same, rtol=1e-12, atol=0)


def test_the_mask_without_labels_leaves_pairs_out():
    a, p = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    mask = torch.tensor([True, False, True, True, False])
    for loss in (L.n_pair_loss, L.info_nce_loss):
        spoilt = torch.where(mask.unsqueeze(-1), p, math.nan)
        value, slopes = both(lambda a, p, f=loss: f(a, p, mask=mask), a, spoilt)
        wanted, fewer = both(loss, a[mask], p[mask])
        torch.testing.assert_close(value, wanted, rtol=1e-13, atol=0)
        torch.testing.assert_close(slopes[0][mask], fewer[0], rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(slopes[1][mask], fewer[1], rtol=1e-12, atol=1e-15)
        assert not slopes[0][~mask].any()
        assert not slopes[1][~mask].any()


def test_rows_without_a_partner_weigh_nothing():
    x = torch.randn(7, 4, dtype=torch.float64)
    for name in ("circle_loss", "batch_hard_triplet_loss", "smooth_ap_loss"):
        each = getattr(L, name)(x, LABELS, reduction="none")
        assert each[3].item() == each[6].item() == 0
        assert getattr(L, name)(x, LABELS).item() == pytest.approx(each.sum().item() / 5, rel=1e-12)
        assert getattr(L, name)(x, LABELS, normalize="count").item() == pytest.approx(each.mean().item(), rel=1e-12)


@QUIET
@pytest.mark.parametrize("name", BATCH)
def test_no_triplets_give_zero_with_zero_gradient(name):
    x = torch.randn(4, 3)
    for labels in ([0, 1, 2, 3], [5, 5, 5, 5]):
        value, (slope,) = both(getattr(L, name), x, target=torch.tensor(labels))
        assert value.isfinite()
        assert slope.isfinite().all()
        if name == "batch_hard_triplet_loss" or (name == "lifted_structure_loss" and labels[0] == 5):
            assert value.item() == 0
            assert not slope.any()
    policy.forget()
    with pytest.warns(UserWarning, match="no two rows share a label") as seen:
        assert L.batch_hard_triplet_loss(x, torch.arange(4)).item() == 0
    assert any("nothing to average" in str(one.message) for one in seen)
    policy.forget()
    with pytest.warns(UserWarning, match="all 4 rows have the label 5"):
        L.lifted_structure_loss(x, torch.full((4,), 5))


def test_collapse_is_said_and_stands_at_the_margin():
    x, y = torch.full((6, 3), 0.7), torch.tensor([0, 0, 1, 1, 2, 2])
    policy.forget()
    with pytest.warns(UserWarning, match="all 6 rows of input are .nearly. the same embedding: they have collapsed"):
        value, (slope,) = both(lambda t: L.batch_hard_triplet_loss(t, y, margin=0.3), x)
    assert value.item() == pytest.approx(0.3)
    assert not slope.any()
    assert L.batch_hard_triplet_loss(x, y, soft=True).item() == pytest.approx(math.log(2))
    policy.forget()
    with pytest.warns(UserWarning, match="all 4 rows of anchor and positive are"):
        L.n_pair_loss(x[:2], x[:2])
    policy.forget()
    L.contrastive_loss(x[:2], torch.randn(2, 3), torch.tensor([0, 1]))  # one anchor, two others
    L.batch_hard_triplet_loss(torch.cat([x, torch.randn(1, 3)]), torch.tensor([0, 0, 1, 1, 2, 2, 2]))


def test_collapse_is_looked_for_among_what_is_kept():
    x, y = torch.cat([torch.full((3, 2), 2.0), torch.randn(2, 2)]), torch.tensor([0, 0, 1, 1, 0])
    policy.forget()
    with pytest.warns(UserWarning, match="all 3 rows of input"):
        L.batch_hard_triplet_loss(x, y, mask=torch.tensor([True, True, True, False, False]))


@QUIET
def test_far_hinges_neither_overflow_nor_lose_their_slope():
    x = torch.tensor([[0.0], [1e3], [0.5], [2e3]], requires_grad=True)
    value = L.batch_hard_triplet_loss(x, torch.tensor([0, 0, 1, 1]), soft=True, reduction="none")
    (slope,) = torch.autograd.grad(value[0], x)
    assert value[0].item() == pytest.approx(999.5)
    assert slope.flatten().tolist() == pytest.approx([0, 1, -1, 0])  # 1000 - 0, less .5 - 0
    assert L.n_pair_loss(torch.tensor([[1e3], [-1e3]]), torch.tensor([[-1e3], [1e3]])).item() == pytest.approx(2e6)
    score = torch.tensor([[1e4, 0.0], [0.0, 1e4]])
    assert L.n_pair_loss(score, score).item() == 0


def test_lengths_and_directions_in_hard_cases():
    zero = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    for function in (length, unit):
        value = function(zero)
        assert not value.any()
        (slope,) = torch.autograd.grad(value.sum(), zero, create_graph=True)
        assert not slope.any()
    big = torch.tensor([2.0775e38, 3.0262e38])
    assert (unit(big) @ unit(torch.ones(2))).item() == pytest.approx(0.98315863587266519, rel=1e-6)
    assert length(torch.tensor([3e38, 0.0])).item() == pytest.approx(3e38, rel=1e-6)
    assert length(torch.tensor([-3e38, 1.0])).item() == pytest.approx(3e38, rel=1e-6)
    assert length(torch.tensor([3e-30, 4e-30])).item() == pytest.approx(5e-30, rel=1e-6)
    assert unit(torch.tensor([3e-40, 4e-40])).tolist() == pytest.approx([0.6, 0.8], rel=1e-4)
    x = torch.tensor([[1.0, 0.0, -2.0]], dtype=torch.float64, requires_grad=True)  # a coordinate of 0 bends as the rest
    for function in (length, unit):
        assert torch.autograd.gradcheck(function, x)
        assert torch.autograd.gradgradcheck(function, x)


def test_equal_rows_have_finite_gradients():
    x = torch.randn(6, 4, dtype=torch.float64)
    x[3] = x[0]
    y = torch.tensor([0, 0, 1, 1, 0, 1])
    for name in BATCH:
        _, (slope,) = both(getattr(L, name), x, target=y)
        assert slope.isfinite().all()
        twice = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(getattr(L, name)(twice, y), twice, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), twice)
        assert second.isfinite().all(), name


@pytest.mark.parametrize("name", [*BATCH, "supcon_loss"])
def test_order_and_names_of_labels_do_not_matter(name):
    x = torch.randn(7, 4, dtype=torch.float64)
    loss, order = getattr(L, name), torch.randperm(7)
    torch.testing.assert_close(loss(x[order], LABELS[order]), loss(x, LABELS), rtol=1e-12, atol=0)
    torch.testing.assert_close(loss(x, 100 - 9 * LABELS), loss(x, LABELS), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["multi_similarity_loss", "circle_loss", "smooth_ap_loss", "supcon_loss"])
def test_only_directions_count_in_cosines(name):
    x = torch.randn(7, 4, dtype=torch.float64)
    stretched = x * (0.1 + torch.rand(7, 1, dtype=torch.float64) * 50)
    torch.testing.assert_close(getattr(L, name)(stretched, LABELS), getattr(L, name)(x, LABELS), rtol=1e-11, atol=0)


def test_modules_take_what_functions_take():
    x = torch.randn(7, 4)
    loss = nn.CircleLoss(margin=0.3, gamma=torch.tensor(20.0, requires_grad=True))
    loss(x, LABELS).backward()
    assert loss.gamma.grad.isfinite()
    assert nn.BatchHardTripletLoss(soft=True)(x, LABELS) == L.batch_hard_triplet_loss(x, LABELS, soft=True)
    assert {CATALOGUE[name].tasks for name in BATCH} == {("embedding",)}
