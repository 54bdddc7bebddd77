"""Self-supervised losses against plain loops, torch's operators, their identities and their hard cases."""

import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L
from losslab import nn
from losslab.catalog import CATALOGUE
from losslab.spec import policy

A = torch.tensor([[0.3, -1.2, 0.5], [2.0, 0.1, -0.4], [-0.7, 0.9, 1.1], [0.2, 0.2, -3.0]], dtype=torch.float64)
B = torch.tensor([[0.5, -1.0, 0.2], [1.0, -0.8, 0.3], [0.1, 1.5, -0.2], [-0.6, 0.4, -1.0]], dtype=torch.float64)
KEEP = torch.tensor([True, False, True, True])


def dot(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / torch.sqrt(dot(a, a) * dot(b, b))


def both(loss, *tensors, **options):
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    value = loss(*leaves, **options)
    return value.detach(), torch.autograd.grad(value.sum(), leaves)


def share(own, rest):
    return -torch.log(torch.exp(own) / (torch.exp(own) + sum(torch.exp(r) for r in rest)))


def info_nce(a, b, temperature=0.1):
    rows = range(len(a))
    score = [[cosine(p, q) / temperature for q in b] for p in a]
    return torch.stack([share(score[i][i], [score[i][j] for j in rows if j != i]) for i in rows])


def with_negatives(a, b, n, temperature=0.1):
    values = []
    for p, q in zip(a, b, strict=True):
        values.append(share(cosine(p, q) / temperature, [cosine(p, r) / temperature for r in n]))
    return torch.stack(values)


def nt_xent(a, b, temperature=0.5):
    views, rows, values = [*a, *b], len(a), []
    for i in range(rows):
        parts = []
        for v in (i, i + rows):
            mate = (v + rows) % (2 * rows)
            rest = [cosine(views[v], u) / temperature for k, u in enumerate(views) if k not in (v, mate)]
            parts.append(share(cosine(views[v], views[mate]) / temperature, rest))
        values.append((parts[0] + parts[1]) / 2)
    return torch.stack(values)


def clip(a, b, temperature=0.07):
    return (info_nce(a, b, temperature) + info_nce(b, a, temperature)) / 2


def siglip(a, b, temperature=0.1, bias=-10.0):
    values = []
    for i, p in enumerate(a):
        signs = [1 if i == j else -1 for j in range(len(b))]
        scores = [cosine(p, q) / temperature + bias for q in b]
        values.append(sum(torch.log(1 + torch.exp(-z * s)) for z, s in zip(signs, scores, strict=True)))
    return torch.stack(values)


def vicreg(a, b, invariance=25.0, variance=25.0, covariance_weight=1.0, eps=1e-4):
    n, d = a.shape
    total = invariance * sum((a[i, k] - b[i, k]) ** 2 for i in range(n) for k in range(d)) / (n * d)
    for z in (a, b):
        mean = [sum(z[i, k] for i in range(n)) / n for k in range(d)]
        for k in range(d):
            for e in range(d):
                cov = sum((z[i, k] - mean[k]) * (z[i, e] - mean[e]) for i in range(n)) / (n - 1)
                if k == e:
                    total = total + variance * torch.clamp(1 - torch.sqrt(cov + eps), min=0) / (2 * d)
                else:
                    total = total + covariance_weight * cov**2 / d
    return total


def barlow(a, b, redundancy=0.0051, eps=1e-5):
    a, b = (F.batch_norm(z, None, None, training=True, eps=eps) for z in (a, b))
    total = 0.0
    for k in range(a.shape[1]):
        for e in range(a.shape[1]):
            c = sum(a[i, k] * b[i, e] for i in range(len(a))) / len(a)
            total += (1 - c) ** 2 if k == e else redundancy * c**2
    return total


PAIRED = {
    "info_nce_loss": (info_nce, [{}, {"temperature": 0.8}]),
    "nt_xent_loss": (nt_xent, [{}, {"temperature": 0.07}]),
    "clip_loss": (clip, [{}, {"temperature": 0.8}]),
    "siglip_loss": (siglip, [{}, {"temperature": 0.8, "bias": 0.5}]),
    "vicreg_loss": (
        vicreg,
        [{}, {"invariance": 2.0, "variance": 5.0, "covariance_weight": 7.0, "eps": 0.3}, {"variance": 0.0}],
    ),
    "barlow_twins_loss": (barlow, [{}, {"redundancy": 0.7, "eps": 0.5}]),
}


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("size", [1.0, 0.3])  # at .3, all deviations are below 1
def test_the_definition_by_a_plain_loop(name, size):
    oracle, settings = PAIRED[name]
    for options in settings:
        found = both(lambda a, b, o=options: getattr(L, name)(a, b, reduction="none", **o), size * A, size * B)
        wanted = both(lambda a, b, o=options: oracle(a, b, **o), size * A, size * B)
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
        mean = getattr(L, name)(A, B, **options)
        torch.testing.assert_close(mean, oracle(A, B, **options).mean(), rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", PAIRED)
def test_masked_is_deleted_by_a_plain_loop(name):
    oracle, settings = PAIRED[name]
    a, b = A.clone(), B.clone()
    a[1], b[1] = math.nan, math.inf
    for options in settings:
        value, slopes = both(lambda a, b, o=options: getattr(L, name)(a, b, mask=KEEP, **o), a, b)
        wanted, fewer = both(lambda a, b, o=options: oracle(a, b, **o).mean(), A[KEEP], B[KEEP])
        torch.testing.assert_close(value, wanted, rtol=1e-10, atol=0)
        for slope, less in zip(slopes, fewer, strict=True):
            torch.testing.assert_close(slope[KEEP], less, rtol=1e-9, atol=1e-12)
            assert not slope[~KEEP].any()


def test_info_nce_with_a_queue():
    queue = torch.randn(7, 3, dtype=torch.float64)
    for options in ({}, {"temperature": 0.6}):
        found = both(lambda a, b, n, o=options: L.info_nce_loss(a, b, n, reduction="none", **o), A, B, queue)
        wanted = both(lambda a, b, n, o=options: with_negatives(a, b, n, **o), A, B, queue)
        torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-13)
    alone = L.info_nce_loss(A[:1], B[:1])
    assert alone.item() == 0
    assert L.info_nce_loss(A[:1], B[:1], queue).item() > 0


def test_info_nce_without_a_queue_has_its_derivatives():
    leaves = (A.clone().requires_grad_(), B.clone().requires_grad_())
    for loss in (lambda a, b: L.info_nce_loss(a, b, temperature=0.5), L.n_pair_loss):
        assert torch.autograd.gradcheck(loss, leaves)
        assert torch.autograd.gradgradcheck(loss, leaves)


def supcon(x, y, temperature=0.1):
    total, count = 0.0, 0
    for i in range(len(y)):
        own = [j for j in range(len(y)) if j != i and y[j] == y[i]]
        if own:
            count += 1
            rest = [cosine(x[i], x[a]) / temperature for a in range(len(y)) if a != i]
            whole = torch.log(sum(torch.exp(s) for s in rest))
            total += sum(whole - cosine(x[i], x[p]) / temperature for p in own) / len(own)
    return total / count


def test_supcon_by_a_plain_loop():
    x, y = torch.randn(7, 3, dtype=torch.float64), torch.tensor([3, 0, 3, 1, 0, 3, 7])
    for options in ({}, {"temperature": 0.7}):
        found = both(lambda x, o=options: L.supcon_loss(x, y, **o), x)
        torch.testing.assert_close(found, both(lambda x, o=options: supcon(x, y.tolist(), **o), x), rtol=1e-10, atol=0)
    each = L.supcon_loss(x, y, reduction="none")
    assert each[3].item() == each[6].item() == 0


def test_identities():
    rows = torch.arange(4)
    twice, labels = torch.cat([A, B]), torch.cat([rows, rows])
    for temperature in (0.07, 0.5):
        nt_xent_value = L.nt_xent_loss(A, B, temperature=temperature)
        supervised = L.supcon_loss(twice, labels, temperature=temperature)
        torch.testing.assert_close(nt_xent_value, supervised, rtol=1e-12, atol=0)
        ways = [L.info_nce_loss(*pair, temperature=temperature) for pair in ((A, B), (B, A))]
        torch.testing.assert_close(L.clip_loss(A, B, temperature=temperature), sum(ways) / 2, rtol=1e-12, atol=0)
    a, b = (z / z.norm(dim=-1, keepdim=True) for z in (A, B))
    torch.testing.assert_close(L.info_nce_loss(A, B), F.cross_entropy(a @ b.T / 0.1, rows), rtol=1e-12, atol=0)
    torch.testing.assert_close(L.byol_loss(A, B), 2 + 2 * L.simsiam_loss(A, B), rtol=1e-12, atol=0)
    assert CATALOGUE["byol_loss"].group == CATALOGUE["simsiam_loss"].group
    torch.testing.assert_close(L.vicreg_loss(A, B), L.vicreg_loss(B, A), rtol=1e-12, atol=0)


def test_negative_cosines_and_their_constant_target():
    for loss, wanted in (
        (L.simsiam_loss, lambda p, z: -F.cosine_similarity(p, z, dim=-1)),
        (L.byol_loss, lambda p, z: 2 - 2 * F.cosine_similarity(p, z, dim=-1)),
    ):
        z = B.clone().requires_grad_()
        found = both(lambda p, loss=loss, z=z: loss(p, z, reduction="none"), A)
        torch.testing.assert_close(found, both(lambda p, f=wanted: f(p, B), A), rtol=1e-11, atol=1e-14)
        (slope,) = torch.autograd.grad(loss(A.clone().requires_grad_(), z), z, allow_unused=True)
        assert slope is None
        assert loss(A.reshape(2, 2, 3), B.reshape(2, 2, 3), reduction="none").shape == (2, 2)
    assert L.byol_loss(A, 3 * A).item() == pytest.approx(0, abs=1e-30)
    value, (slope,) = both(L.simsiam_loss, 0 * A, target=B)
    assert value.item() == 0
    assert not slope.any()


def test_dino_by_torchs_operators():
    student, teacher, center = torch.randn(3, 5, 6, dtype=torch.float64).unbind()
    center = center[0]
    for options in ({}, {"student_temperature": 0.7, "teacher_temperature": 0.3}):
        hot, cold = options.get("student_temperature", 0.1), options.get("teacher_temperature", 0.04)
        leaf = teacher.clone().requires_grad_()
        for own, shift in (((), 0), ((center,), center)):
            found = both(lambda s, o=options, own=own, t=leaf: L.dino_loss(s, t, *own, **o), student)
            wanted = both(
                lambda s, t=(teacher - shift) / cold, hot=hot: F.cross_entropy(s / hot, t.softmax(-1)), student
            )
            torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-14)
        loss = L.dino_loss(student.clone().requires_grad_(), leaf, center)
        assert torch.autograd.grad(loss, leaf, allow_unused=True) == (None,)
    module = nn.DINOLoss(teacher_temperature=0.07)
    assert module(student, teacher, center) == L.dino_loss(student, teacher, center, teacher_temperature=0.07)
    with pytest.raises(ValueError, match=r"student has shape \(5, 6\) and center \(5,\)"):
        L.dino_loss(student, teacher, torch.zeros(5))


def test_koleo_by_a_plain_loop():
    for eps in (1e-8, 0.2):

        def loop(x, eps=eps):
            x = [row / torch.sqrt(dot(row, row)) for row in x]
            values = []
            for i, p in enumerate(x):
                values.append(-torch.log(min(torch.sqrt(dot(p - q, p - q)) for j, q in enumerate(x) if j != i) + eps))
            return torch.stack(values)

        found = both(lambda x, e=eps: L.koleo_loss(x, eps=e, reduction="none"), A)
        torch.testing.assert_close(found, both(loop, A), rtol=1e-11, atol=1e-13)
    equal = torch.cat([A[:1], 2 * A[:1], A[1:2]])
    value, (slope,) = both(lambda x: L.koleo_loss(x, reduction="none"), equal)
    assert value[:2].tolist() == pytest.approx([-math.log(1e-8)] * 2)
    assert slope.isfinite().all()
    assert L.koleo_loss(A, mask=torch.tensor([True, False, False, False]), reduction="sum").item() == 0


@pytest.mark.filterwarnings("ignore::losslab.spec.policy.LossWarning")
def test_hard_cases_of_contrast():
    far = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    value, slopes = both(lambda a, b: L.info_nce_loss(a, b, temperature=2e-3, reduction="none"), far, -far)
    assert value.tolist() == pytest.approx([1e3, 1e3])
    assert all(slope.isfinite().all() for slope in slopes)
    same = torch.ones(4, 3)
    assert L.info_nce_loss(same, same).item() == pytest.approx(math.log(4))
    assert L.nt_xent_loss(same, same).item() == pytest.approx(math.log(7))
    assert L.supcon_loss(same, torch.tensor([0, 0, 1, 1])).item() == pytest.approx(math.log(3))
    policy.forget()
    with pytest.warns(UserWarning, match="have collapsed"):
        L.clip_loss(same, same)


def test_scales_that_are_learnt():
    log_scale = torch.tensor(math.log(10.0), requires_grad=True)
    bias = torch.tensor(-10.0, requires_grad=True)
    L.siglip_loss(A.float(), B.float(), temperature=(-log_scale).exp(), bias=bias).backward()
    assert log_scale.grad.item() != 0
    assert bias.grad.item() != 0
    module = nn.CLIPLoss(temperature=torch.tensor(0.07, requires_grad=True))
    module(A.float(), B.float()).backward()
    assert [key for key, _ in module.named_parameters()] == ["temperature"]
    assert module.temperature.grad.isfinite()


def test_one_row_has_no_statistics():
    for loss in (L.vicreg_loss, L.barlow_twins_loss):
        with pytest.raises(ValueError, match="a batch of one row has no variance"):
            loss(A[:1], B[:1])
        assert loss(A, B, mask=torch.tensor([True, False, False, False])).isfinite()


def test_constant_columns_have_finite_gradients():
    flat = A.clone()
    flat[:, 1] = 0.25
    for loss in (L.vicreg_loss, L.barlow_twins_loss):
        value, slopes = both(loss, flat, B)
        assert value.isfinite()
        assert all(slope.isfinite().all() for slope in slopes)
