"""Distances between samples by loops over all pairs, scipy, and identities."""

import math

import pytest
import torch
from scipy import stats

import losslab.functional as L


def samples(rows=5, others=7, width=2):
    generator = torch.Generator().manual_seed(4)
    x = torch.randn((rows, width), generator=generator, dtype=torch.float64)
    return x, 1.5 * torch.randn((others, width), generator=generator, dtype=torch.float64) + 0.4


def between(a, b, pair, apart=False):
    kept = [pair(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if not (apart and i == j)]
    return math.fsum(kept) / len(kept)


def mmd(x, y, bandwidth=1.0, unbiased=False):
    def kernel(a, b):
        return math.exp(-(math.dist(a, b) ** 2) / (2 * bandwidth**2))

    return between(x, x, kernel, unbiased) + between(y, y, kernel, unbiased) - 2 * between(x, y, kernel)


def energy(x, y, unbiased=False):
    return 2 * between(x, y, math.dist) - between(x, x, math.dist, unbiased) - between(y, y, math.dist, unbiased)


@pytest.mark.parametrize(
    ("name", "oracle", "options"),
    [
        ("mmd_loss", mmd, {}),
        ("mmd_loss", mmd, {"bandwidth": 0.3}),
        ("mmd_loss", mmd, {"bandwidth": 2.5, "unbiased": True}),
        ("energy_distance_loss", energy, {}),
        ("energy_distance_loss", energy, {"unbiased": True}),
    ],
)
def test_by_a_loop_over_pairs(name, oracle, options):
    x, y = samples()
    x.requires_grad_()
    y.requires_grad_()
    found = getattr(L, name)(x, y, **options)
    assert found.item() == pytest.approx(oracle(x.tolist(), y.tolist(), **options), rel=1e-10)
    slopes = torch.autograd.grad(found, (x, y))
    for place, slope in enumerate(slopes):
        for row in (0, 2):
            for d in (0, 1):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [x.tolist(), y.tolist()]
                    moved[place][row][d] += step
                    ends.append(oracle(*moved, **options))
                assert slope[row, d].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_energy_by_scipy():
    x, y = samples(width=1)
    found = L.energy_distance_loss(x, y)
    assert found.sqrt().item() == pytest.approx(stats.energy_distance(x[:, 0].numpy(), y[:, 0].numpy()))


def test_a_wide_kernel_sees_the_means():
    """For large widths the discrepancy is the squared distance of the means over the squared width."""
    x, y = samples()
    found = L.mmd_loss(x, y, bandwidth=1e4) * 1e8
    assert found.item() == pytest.approx((x.mean(0) - y.mean(0)).square().sum().item(), rel=1e-5)


@pytest.mark.parametrize("name", ["mmd_loss", "energy_distance_loss"])
def test_a_sample_is_no_way_from_itself_and_order_says_nothing(name):
    x, y = samples()
    loss = getattr(L, name)
    again = x.clone().requires_grad_()
    value = loss(again, x.flip(0))
    (slope,) = torch.autograd.grad(value, again)
    assert abs(value.item()) < 1e-12
    assert slope.abs().max() < 1e-12
    torch.testing.assert_close(loss(x, y), loss(y.flip(0), x.roll(2, 0)))


def test_near_rows_far_from_zero_keep_their_digits():
    x, y = samples()
    near = L.energy_distance_loss((x + 1000).float(), (y + 1000).float())
    assert near.item() == pytest.approx(energy(x.tolist(), y.tolist()), rel=1e-3)


@pytest.mark.parametrize("name", ["mmd_loss", "energy_distance_loss"])
def test_equal_rows_pull_nowhere(name):
    x = torch.zeros(3, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(getattr(L, name)(x, torch.zeros(2, 2)), x)
    assert not slope.any()


def test_samples_of_one_row_have_no_pairs():
    one, other = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    assert L.energy_distance_loss(one, other, unbiased=True).item() == pytest.approx(10)
    with pytest.raises(ValueError, match=r"input has shape \(1, 2\) and target \(1, 3\)"):
        L.mmd_loss(one, torch.zeros(1, 3))
