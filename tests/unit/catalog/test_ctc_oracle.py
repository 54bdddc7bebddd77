"""Connectionist temporal classification against every alignment, counted one by one; lengths, and what is refused."""

import math
from itertools import groupby, product

import pytest
import torch

import losslab.functional as F
from losslab import nn
from losslab.spec import policy

INF = math.inf
TORCHS = torch.nn.functional.ctc_loss


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def frames(steps, rows, classes, seed=0):
    """Scores, which are no log-probabilities: the loss is defined for them too."""
    return torch.randn(steps, rows, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(rows):
    return [number for row in rows for number in row]


def read(path, blank):
    """Repeats merge, then blanks go."""
    return [label for label, _ in groupby(path) if label != blank]


def counted(x, target, blank=0):
    """The loss of frames (T, C), the occupancy (T, C) and the number of alignments."""
    x, total, ways = x.tolist(), 0.0, 0
    occupied = [[0.0] * len(x[0]) for _ in x]
    for path in product(range(len(x[0])), repeat=len(x)):
        if read(path, blank) == target:
            chance = math.exp(math.fsum(row[k] for row, k in zip(x, path, strict=True)))
            total, ways = total + chance, ways + 1
            for row, k in zip(occupied, path, strict=True):
                row[k] += chance
    return -math.log(total) if total else INF, [[o / (total or 1) for o in row] for row in occupied], ways


@pytest.mark.parametrize(
    ("steps", "classes", "target", "ways", "value"),
    [
        (3, 3, [1], 6, 1.5040773967762742),
        (3, 3, [1, 2], 5, 1.6863989535702288),
        (3, 3, [1, 1], 1, 3.295836866004329),
        (2, 3, [1, 1], 0, INF),
        (2, 3, [1, 2, 1], 0, INF),
        (3, 3, [], 1, 3.295836866004329),
        (5, 4, [1, 2, 3], 28, 3.5992672954242493),
    ],
)
def test_equal_chances(steps, classes, target, ways, value):
    x = torch.full((steps, 1, classes), -math.log(classes), dtype=torch.float64, requires_grad=True)
    y = torch.tensor([target], dtype=torch.int64).reshape(1, len(target))
    with policy.checks("off"):
        found = F.ctc_loss(x, y, [steps], [len(target)], reduction="sum")
    wanted, occupied, count = counted(x[:, 0], target)
    assert count == ways
    assert found.item() == pytest.approx(value, rel=1e-13) == wanted
    (slope,) = torch.autograd.grad(found, x)
    assert (-slope[:, 0]).flatten().tolist() == pytest.approx(flat(occupied))
    assert slope.sum(-1).flatten().tolist() == pytest.approx([-1.0 if ways else 0.0] * steps)


ROWS = [([1, 2, 1], 5), ([2, 2], 4), ([], 3), ([3], 5), ([1, 1, 1], 5), ([3, 3], 2), ([2], 0), ([], 0)]


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_every_alignment_of_rows_of_many_lengths(blank, zero_infinity):
    other = {0: 0, 1: 1, 2: 2, 3: 3} if blank == 0 else {1: 0, 2: 1, 3: 3}
    rows = [([other[label] for label in target], length) for target, length in ROWS]
    x = frames(5, len(rows), 4).requires_grad_()
    y = torch.full((len(rows), 4), 77)
    for row, (target, _) in enumerate(rows):
        y[row, : len(target)] = torch.tensor(target, dtype=torch.int64)
    lengths = ([n for _, n in rows], [len(target) for target, _ in rows])
    with policy.checks("off"):
        found = F.ctc_loss(x, y, *lengths, blank, "none", zero_infinity)
        mean = F.ctc_loss(x, y, *lengths, blank, "mean", True)
    (slope,) = torch.autograd.grad(found.sum(), x)
    kept = []
    for row, (target, length) in enumerate(rows):
        value, occupied, ways = (
            counted(x[:length, row], target, blank) if length else (0.0 if not target else INF, [], 0)
        )
        kept.append(0.0 if value == INF else value / max(len(target), 1))
        assert found[row].item() == pytest.approx(0.0 if zero_infinity and value == INF else value, abs=1e-12)
        assert (-slope[:length, row]).flatten().tolist() == pytest.approx(
            flat(occupied) if ways else [0.0] * length * 4
        )
        assert not slope[length:, row].any()
    assert mean.item() == pytest.approx(math.fsum(kept) / len(rows))


def test_behind_a_softmax_value_and_gradient_are_torchs():
    scores = frames(6, 3, 5)
    y, lengths = torch.tensor([[1, 1, 0], [2, 4, 0], [3, 4, 1]]), ((6, 5, 6), (2, 2, 3))
    for reduction in ("mean", "sum", "none"):
        results = []
        for loss in (F.ctc_loss, TORCHS):
            x = scores.clone().requires_grad_()
            value = loss(x.log_softmax(-1), y, *lengths, reduction=reduction)
            results.append((value.detach(), *torch.autograd.grad(value.sum(), x)))
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_the_gradient_by_log_probabilities_is_the_true_one_and_torchs_is_not():
    x, rest = frames(4, 2, 3).requires_grad_(), (torch.tensor([[1, 1], [2, 0]]), (4, 4), (2, 1), 0, "sum")
    with policy.checks("off"):
        assert torch.autograd.gradcheck(lambda z: F.ctc_loss(z, *rest), x)
        assert torch.autograd.gradgradcheck(lambda z: F.ctc_loss(z, *rest), x)
    assert not torch.autograd.gradcheck(lambda z: TORCHS(z, *rest), x, raise_exception=False)


@pytest.mark.parametrize("batched", [True, False])
def test_every_spelling_of_targets_and_lengths_that_torch_takes(batched):
    x, y = frames(6, 3, 5).log_softmax(-1), torch.tensor([[1, 1, 0], [2, 0, 0], [3, 4, 1]])
    if batched:
        ends = [2, 1, 3]
        in_line = torch.cat([row[:n] for row, n in zip(y, ends, strict=True)])
        targets, lengths = [y, in_line, y.int(), in_line.to(torch.int16)], [[6, 5, 6], ends]
    else:
        x, targets, lengths = x[:, 0], [y[0, :2], y[0, :2].int()], [[6], [2]]
    for target in targets:
        for how in (list, tuple, torch.tensor, lambda n: torch.tensor(n, dtype=torch.int32)):
            given = [how(one) for one in lengths]
            for reduction in ("none", "mean"):
                wanted = TORCHS(x, targets[0], *(tuple(one) for one in lengths), reduction=reduction)
                found = F.ctc_loss(x, target, *given, reduction=reduction)
                torch.testing.assert_close(found, wanted.reshape(found.shape))
    if not batched:
        assert F.ctc_loss(x, y[0, :2], torch.tensor(6), torch.tensor(2), reduction="none").shape == ()


def test_frames_and_labels_behind_the_end_do_not_count():
    x, y = frames(6, 2, 4).log_softmax(-1), torch.tensor([[1, 2, 9], [3, -7, 0]])
    spoilt = x.clone()
    spoilt[4:, 0], spoilt[5:, 1] = math.nan, INF
    spoilt.requires_grad_()
    found = F.ctc_loss(spoilt, y, (4, 5), (2, 1), reduction="none")
    wanted = [F.ctc_loss(x[:4, :1], y[:1, :2], [4], [2]) * 2, F.ctc_loss(x[:5, 1:], y[1:, :1], [5], [1])]
    torch.testing.assert_close(found, torch.stack(wanted))
    (slope,) = torch.autograd.grad(found.sum(), spoilt)
    assert slope.isfinite().all()
    assert not slope[4:, 0].any()


def test_an_impossible_class_leaves_the_other_ways():
    x = frames(3, 1, 3).log_softmax(-1)
    x[1, 0, 0] = -INF
    x.requires_grad_()
    found = F.ctc_loss(x, torch.tensor([[1, 2]]), [3], [2], reduction="sum")
    wanted, occupied, _ = counted(x[:, 0], [1, 2])
    assert found.item() == pytest.approx(wanted)
    (slope,) = torch.autograd.grad(found, x)
    assert (-slope).flatten().tolist() == pytest.approx(flat(occupied))


def test_a_thousand_frames_keep_their_digits_in_float32():
    scores, y = (
        frames(1000, 1, 3).log_softmax(-1),
        torch.randint(1, 3, (1, 200), generator=torch.Generator().manual_seed(1)),
    )
    exact, single = (F.ctc_loss(x, y, [1000], [200], reduction="sum") for x in (scores, scores.float()))
    assert single.item() == pytest.approx(exact.item(), rel=1e-5)
    torch.testing.assert_close(exact, TORCHS(scores, y, (1000,), (200,), reduction="sum"))


def test_sequences_that_are_too_short_are_named_once():
    x, y = frames(3, 3, 4).log_softmax(-1), torch.tensor([[1, 2, 3], [1, 1, 2], [2, 2, 0]])
    with pytest.warns(
        policy.LossWarning, match=r"2 of 3 .*samples 1, 2.* has 3 frames for 3 labels and 1 blanks.*infinite"
    ):
        assert F.ctc_loss(x, y, (3, 3, 2), (3, 3, 2), reduction="none").isinf().tolist() == [False, True, True]
    F.ctc_loss(x, y, (3, 3, 2), (3, 3, 2))
    policy.forget()
    with pytest.warns(policy.LossWarning, match=r"samples 2\).*loss is 0, with a gradient of 0"):
        nn.CTCLoss(zero_infinity=True)(x, y, (3, 3, 2), (3, 2, 2), mask=torch.tensor([True, False, True]))


def test_scores_and_probabilities_are_warned_of():
    x, y = frames(3, 1, 4), torch.tensor([[1]])
    for odd in (x.softmax(-1), x):
        policy.forget()
        with pytest.warns(policy.LossWarning, match="log_probs should hold log-probabilities"):
            F.ctc_loss(odd, y, [3], [1])
    policy.forget()
    x = x.log_softmax(-1)
    x[2] = 5.0  # behind the end
    F.ctc_loss(x, y, [2], [1])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"input_lengths": (3, 5)}, r"input_lengths\[1\] is 5; log_probs has room for lengths from 0 to 4"),
        ({"input_lengths": (-1, 4)}, r"input_lengths\[0\] is -1"),
        ({"target_lengths": (1, 3)}, r"target_lengths\[1\] is 3; targets has room for lengths from 0 to 2"),
        ({"target_lengths": (-2, 2)}, r"target_lengths\[0\] is -2"),
        ({"targets": torch.tensor([[1, 0], [2, 1]])}, r"blank 0 at \[0, 1\]"),
        ({"blank": 1}, r"blank 1 at \[0, 0\]"),
        ({"blank": 3}, r"blank = 3; it must be one of the 3 classes"),
        ({"blank": -1}, "blank = -1"),
        ({"targets": torch.tensor([[1, 2], [2, 3]])}, r"3 at \[1, 1\] is out of range"),
        ({"targets": torch.tensor([1, 2, 1])}, "4 labels by target_lengths, but there are 3"),
        ({"targets": torch.tensor([[1, 2]])}, r"log_probs has shape \(4, 2, 3\) and targets \(1, 2\)"),
        ({"target_lengths": (2,)}, r"log_probs has shape \(4, 2, 3\) and target_lengths \(1,\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed, words):
    given = {
        "log_probs": frames(4, 2, 3).log_softmax(-1), "targets": torch.tensor([[1, 2], [2, 1]]),
        "input_lengths": (4, 4), "target_lengths": (2, 2),
    }  # fmt: skip
    F.ctc_loss(**given)
    with pytest.raises(ValueError, match=words):
        F.ctc_loss(**given | changed)


def test_lengths_are_whole_numbers():
    with pytest.raises(TypeError, match="input_lengths is float32; it must hold how many"):
        F.ctc_loss(frames(3, 1, 3).log_softmax(-1), torch.tensor([[1]]), torch.tensor([3.0]), [1])
