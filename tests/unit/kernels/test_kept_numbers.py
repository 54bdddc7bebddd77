"""Dropout's draws: the right share is kept, and what is kept here says nothing of what is kept elsewhere."""

import numpy as np
import pytest
import torch
from kernel_probes import every_library, kept

from losslab.train.native import draws

MEMBER = 0x9D5C1F2E77A3B641
PLACES = 1 << 16
CPU = torch.device("cpu")


def hashed(number):
    """A key as members have it: mixed of a seed."""
    return draws.mixed64(number)


@every_library
@pytest.mark.parametrize(
    ("member", "step", "layer", "p"), [(MEMBER, 0, 0, 0.3), (hashed(5), 7, 2, 0.5), (2**64 - 1, 3, 1, 0.9)]
)
def test_the_kernels_draw_what_python_draws(path, member, step, layer, p):
    ours = draws.kept([draws.layer_key(member, step, layer)], PLACES + 37, p, CPU)[0].numpy()
    np.testing.assert_array_equal(kept(path, member, step, layer, p, PLACES + 37), ours)


@every_library
def test_nothing_is_dropped_at_share_0_and_everything_at_1(path):
    assert kept(path, MEMBER, 1, 0, 0.0, PLACES).all()
    assert not kept(path, MEMBER, 1, 0, 1.0, PLACES).any()


def standardised(found, p):
    """By how many standard deviations of a fair coin the count of True is off."""
    return (found.sum() - found.size * (1 - p)) / np.sqrt(found.size * p * (1 - p))


def assert_normal(scores):
    """(N,) scores that are standard normal when the draws are independent: no wild one, no spread but 1, no drift."""
    scores = np.asarray(scores)
    assert abs(scores).max() < 4.7, abs(scores).max()
    assert abs(scores.mean()) < 4 / np.sqrt(scores.size), scores.mean()
    assert abs((scores**2).mean() - 1) < 4 * np.sqrt(2 / scores.size), (scores**2).mean()


@every_library
@pytest.mark.parametrize("p", [0.01, 0.1, 0.3, 0.5, 0.9])
def test_the_share_kept_is_that_of_a_fair_coin_for_every_key(path, p):
    scores = [
        standardised(kept(path, hashed(seed), step, layer, p, 20_000), p)
        for seed in range(12) for step in (0, 1, 2, 1000) for layer in range(4)
    ]  # fmt: skip
    assert_normal(scores)


def assert_independent(pairs, p):
    """Chi-square of the four cells of each pair of masks, (PLACES,) each, against independence with the known share."""
    scores = []
    cells = np.outer([p, 1 - p], [p, 1 - p]).ravel() * PLACES
    for a, b in pairs:
        counts = np.bincount(2 * a[:PLACES].astype(int) + b[:PLACES], minlength=4)
        scores.append(((counts - cells) ** 2 / cells).sum())
    scores = np.array(scores)  # chi-square of three degrees: mean 3, variance 6
    assert scores.max() < 30, scores.max()
    assert abs(scores.mean() - 3) < 4 * np.sqrt(6 / scores.size), scores.mean()


@every_library
def test_masks_of_neighbouring_steps_layers_and_members_are_independent(path):
    p = 0.3

    def mask(seed, step, layer):
        return kept(path, hashed(seed), step, layer, p, PLACES)

    base = [(seed, step, layer) for seed in (0, 1) for step in (0, 5) for layer in (0, 1)]
    moves = [(0, 1, 0), (0, 2, 0), (0, 256, 0), (0, 0, 1), (0, 0, 2), (1, 0, 0), (2, 0, 0), (0, 1, 1), (1, 1, 0)]
    pairs = [(mask(*at), mask(*np.add(at, move).tolist())) for at in base for move in moves]
    assert_independent(pairs, p)


@every_library
@pytest.mark.parametrize("features", [1, 2, 16, 64, 100, 256, 1000])
def test_neighbouring_features_and_rows_are_independent(path, features):
    p = 0.5
    pairs = []
    for seed in range(16):
        mask = kept(path, hashed(seed), 3, 1, p, PLACES + features)
        pairs.append((mask, mask[features:]))  # the same feature, one row on; with 1: the next feature
    assert_independent(pairs, p)


@every_library
def test_no_row_and_no_feature_of_a_batch_is_favoured(path):
    p, rows, features = 0.2, 256, 128
    grids = np.stack([kept(path, hashed(9), step, 0, p, rows * features).reshape(rows, features) for step in range(12)])
    assert_normal([standardised(row, p) for row in grids.transpose(1, 0, 2)])
    assert_normal([standardised(column, p) for column in grids.transpose(2, 0, 1)])
    tiles = grids.reshape(12, 16, 16, 16, 8).transpose(1, 3, 0, 2, 4).reshape(256, -1)
    assert_normal([standardised(tile, p) for tile in tiles])
