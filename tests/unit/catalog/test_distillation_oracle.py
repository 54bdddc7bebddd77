"""Distillation losses by plain loops over their definitions; identities; corners."""

import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L


def scores():
    generator = torch.Generator().manual_seed(8)
    x, t = 2 * torch.randn((2, 5, 4), generator=generator, dtype=torch.float64)
    return x, t, torch.tensor([2, 0, 3, 1, 1])


def softmax(row, temperature=1.0):
    parts = [math.exp((s - max(row)) / temperature) for s in row]
    return [part / math.fsum(parts) for part in parts]


def kl(a, b):
    return math.fsum(p * math.log(p / q) for p, q in zip(a, b, strict=True) if p > 0)


def distil(x, t, y, temperature=4.0):
    return temperature**2 * kl(softmax(t, temperature), softmax(x, temperature))


def js(x, t, y, beta=0.5, temperature=1.0):
    p, q = softmax(x, temperature), softmax(t, temperature)
    m = [beta * b + (1 - beta) * a for a, b in zip(p, q, strict=True)]
    return temperature**2 * (beta * kl(q, m) + (1 - beta) * kl(p, m))


def dkd(x, t, y, alpha=1.0, beta=8.0, temperature=4.0):
    p, q = softmax(x, temperature), softmax(t, temperature)
    sure = kl([q[y], 1 - q[y]], [p[y], 1 - p[y]])
    rest = [[v / (1 - part[y]) for c, v in enumerate(part) if c != y] for part in (q, p)]
    return temperature**2 * (alpha * sure + beta * kl(*rest))


CASES = [
    ("distillation_loss", distil, {}),
    ("distillation_loss", distil, {"temperature": 1.0}),
    ("distillation_loss", distil, {"temperature": 0.6}),
    ("generalized_js_distillation_loss", js, {}),
    ("generalized_js_distillation_loss", js, {"beta": 0.9, "temperature": 3.0}),
    ("dkd_loss", dkd, {}),
    ("dkd_loss", dkd, {"alpha": 0.3, "beta": 2.0, "temperature": 1.5}),
    ("dkd_loss", dkd, {"beta": 0.0}),
]


def call(name, x, t, y, **options):
    return getattr(L, name)(x, t, *([y] if name == "dkd_loss" else []), **options)


@pytest.mark.parametrize(("name", "oracle", "options"), CASES)
def test_by_a_plain_loop(name, oracle, options):
    x, t, y = scores()
    x.requires_grad_()
    t.requires_grad_()
    found = call(name, x, t, y, reduction="none", **options)
    rows = list(zip(x.tolist(), t.tolist(), y.tolist(), strict=True))
    expected = torch.tensor([oracle(*row, **options) for row in rows], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    slopes = torch.autograd.grad(found.sum(), (x, t))
    for place, slope in enumerate(slopes):
        for c in range(4):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [list(rows[1][0]), list(rows[1][1])]
                moved[place][c] += step
                ends.append(oracle(*moved, rows[1][2], **options))
            assert slope[1, c].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_distillation_is_cross_entropy_with_the_teachers_probabilities_up_to_its_entropy():
    x, t, _ = scores()
    q = t.softmax(1)
    entropy = -(q * q.log()).sum(1)
    found = L.distillation_loss(x, t, temperature=1.0, reduction="none")
    torch.testing.assert_close(found, F.cross_entropy(x, q, reduction="none") - entropy)
    batch = L.distillation_loss(x, t, temperature=3.0)
    plain = 9 * F.kl_div((x / 3).log_softmax(1), (t / 3).softmax(1), reduction="batchmean")
    torch.testing.assert_close(batch, plain)


def test_a_warm_temperature_matches_centred_scores():
    """For large T the loss is half the squared distance of the centred scores over the number of classes."""
    x, t, _ = scores()
    gap = (x - x.mean(1, keepdim=True)) - (t - t.mean(1, keepdim=True))
    found = L.distillation_loss(x, t, temperature=1e4, reduction="none")
    torch.testing.assert_close(found, gap.square().sum(1) / (2 * 4), rtol=1e-3, atol=0)


def test_dkd_is_distillation_where_its_weights_are_the_teachers():
    x, t, y = scores()
    for row in range(5):
        one = [part[row : row + 1] for part in (x, t, y)]
        unsure = 1 - one[1].softmax(1)[0, one[2].item()].item()
        found = L.dkd_loss(*one, beta=unsure, temperature=1.0)
        torch.testing.assert_close(found, L.distillation_loss(*one[:2], temperature=1.0))


def test_the_ends_of_beta_are_the_two_divergences():
    x, t, _ = scores()
    near = L.generalized_js_distillation_loss(x, t, beta=1e-6) / 1e-6
    torch.testing.assert_close(near, L.distillation_loss(x, t, temperature=1.0), rtol=1e-4, atol=0)
    near = L.generalized_js_distillation_loss(x, t, beta=1 - 1e-6) / 1e-6
    torch.testing.assert_close(near, L.distillation_loss(t, x, temperature=1.0), rtol=1e-4, atol=0)
    mixed = L.generalized_js_distillation_loss(x, t, beta=0.3)
    torch.testing.assert_close(mixed, L.js_divergence_loss(x, t.softmax(1), beta=0.3))


@pytest.mark.parametrize("name", ["distillation_loss", "generalized_js_distillation_loss", "dkd_loss"])
def test_classes_that_the_teacher_rules_out(name):
    t = torch.tensor([[-math.inf, 0.5, 1.0, 0.0]])
    x = torch.tensor([[-math.inf, 1.0, 0.0, 0.3]], requires_grad=True)
    y = torch.tensor([2])
    value = call(name, x, t, y)
    torch.testing.assert_close(value, call(name, x[:, 1:], t[:, 1:], y - 1))
    (slope,) = torch.autograd.grad(value, x)
    assert slope.isfinite().all()


def geometry():
    generator = torch.Generator().manual_seed(9)
    return (torch.randn((6, width), generator=generator, dtype=torch.float64) for width in (3, 5))


def huber(z):
    return z * z / 2 if abs(z) <= 1 else abs(z) - 0.5


def rkd_distance(s, t):
    n = len(s)
    means = [math.fsum(math.dist(a, b) for a in rows for b in rows) / (n * (n - 1)) for rows in (s, t)]
    return [
        math.fsum(huber(math.dist(s[i], s[j]) / means[0] - math.dist(t[i], t[j]) / means[1]) for j in range(n)) / n
        for i in range(n)
    ]


def cosine(at, a, b):
    u, v = ([p - q for p, q in zip(end, at, strict=True)] for end in (a, b))
    sizes = math.hypot(*u) * math.hypot(*v)
    return math.fsum(p * q for p, q in zip(u, v, strict=True)) / sizes if sizes else 0.0


def rkd_angle(s, t):
    n = len(s)
    return [
        math.fsum(huber(cosine(s[i], s[j], s[k]) - cosine(t[i], t[j], t[k])) for j in range(n) for k in range(n)) / n**2
        for i in range(n)
    ]


@pytest.mark.parametrize(("name", "oracle"), [("rkd_distance_loss", rkd_distance), ("rkd_angle_loss", rkd_angle)])
def test_relations_by_loops(name, oracle):
    s, t = geometry()
    s.requires_grad_()
    found = getattr(L, name)(s, t, reduction="none")
    expected = oracle(s.tolist(), t.tolist())
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    (slope,) = torch.autograd.grad(found.sum(), s)
    for row in (0, 3):
        for d in range(3):
            ends = []
            for step in (1e-6, -1e-6):
                moved = s.tolist()
                moved[row][d] += step
                ends.append(math.fsum(oracle(moved, t.tolist())))
            assert slope[row, d].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("name", ["rkd_distance_loss", "rkd_angle_loss"])
def test_relations_do_not_see_moves_turns_and_scales(name):
    s, t = geometry()
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    torch.testing.assert_close(getattr(L, name)(3 * s @ turn + 2, t), getattr(L, name)(s, t))
    assert getattr(L, name)(s, s * 0.1).item() < 1e-12


@pytest.mark.parametrize("name", ["rkd_distance_loss", "rkd_angle_loss"])
def test_equal_rows_have_no_relation_and_no_nan(name):
    s = torch.zeros(3, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(getattr(L, name)(s, torch.eye(3)), s)
    assert not slope.any()


def test_attention_by_a_loop():
    generator = torch.Generator().manual_seed(10)
    s = torch.randn((2, 3, 4), generator=generator, dtype=torch.float64)
    t = torch.randn((2, 5, 4), generator=generator, dtype=torch.float64)
    expected = []
    for row in range(2):
        maps = []
        for f in (s[row].tolist(), t[row].tolist()):
            energy = [math.fsum(channel[k] ** 2 for channel in f) / len(f) for k in range(4)]
            maps.append([e / math.hypot(*energy) for e in energy])
        expected.append(math.fsum((a - b) ** 2 for a, b in zip(*maps, strict=True)) / 4)
    found = L.attention_transfer_loss(s, t, reduction="none")
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(L.attention_transfer_loss(-3 * s, t, reduction="none"), found)
    nothing = L.attention_transfer_loss(torch.zeros(1, 2, 4, requires_grad=True), t[:1].float())
    assert nothing.item() == pytest.approx(1 / 4)


def test_what_does_not_match_is_said():
    x, t, y = scores()
    with pytest.raises(ValueError, match=r"distillation_loss: input has shape \(5, 4\) and teacher \(5, 3\)"):
        L.distillation_loss(x, t[:, :3])
    with pytest.raises(ValueError, match=r"temperature = 0 is out of bounds"):
        L.dkd_loss(x, t, y, temperature=0)
    with pytest.raises(ValueError, match=r"attention_transfer_loss: .*with the same L"):
        L.attention_transfer_loss(torch.zeros(2, 3, 4), torch.zeros(2, 3, 5))
