"""The cost of wrong answers against tables worked by hand, a plain loop and scikit-learn's weights."""

import pytest
import torch

from losslab.metrics.cost import cost_metric
from losslab.metrics.threshold import fit_threshold

ANIMALS = ("cat", "dog", "owl")


def loop(table, prediction, target):
    """The mean cost of each member; a row without an answer costs as the dearest one of its class."""
    means = []
    for member in prediction.tolist():
        costs = [max(table[t]) if p < 0 else table[t][p] for p, t in zip(member, target.tolist(), strict=True)]
        means.append(sum(costs) / len(costs))
    return means


def test_two_classes_by_hand():
    metric = cost_metric("fn=10,fp=1", ["no", "yes"])
    target = torch.tensor([1, 1, 0, 0, 0])
    answers = torch.tensor([[1, 0, 0, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    assert metric.value(answers, target).tolist() == [12 / 5, 0.0, 23 / 5]  # 1 fn + 2 fp; none; 2 fn + 3 fp
    assert metric.rows(answers, target).tolist()[0] == [0.0, 10.0, 0.0, 1.0, 1.0]
    assert not metric.higher_is_better
    assert metric.thresholded
    assert not metric.points
    assert metric.summary == "mean cost per row: 1 for no taken as yes, 10 for yes taken as no"


def test_a_gain_for_what_is_found():
    metric = cost_metric({"tp": -3, "fn": 4.5, "tn": 0.5, "fp": 2}, ["no", "yes"])
    target, answers = torch.tensor([1, 1, 0, 0]), torch.tensor([[1, 0, 0, 1]])
    assert metric.value(answers, target).tolist() == [(-3 + 4.5 + 0.5 + 2) / 4]


def test_what_is_not_named_costs_one():
    metric = cost_metric("cat>dog=5, owl > cat = 2.5", ANIMALS)
    target, answers = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([[1, 2, 0, 0, 2]])
    assert metric.rows(answers, target).tolist() == [[5.0, 1.0, 1.0, 2.5, 0.0]]
    assert metric.value(answers, target).tolist() == [9.5 / 5]
    assert "5 for cat taken as dog" in metric.summary
    assert "1 for any other wrong answer" in metric.summary


def test_equals_a_loop_with_weights_and_rows_without_an_answer():
    generator = torch.Generator().manual_seed(4)
    costs = {(t, a): 1 + 3 * i + j for i, t in enumerate(ANIMALS) for j, a in enumerate(ANIMALS) if t != a}
    metric = cost_metric(costs, ANIMALS)
    table = [[costs.get((t, a), 0.0) for a in ANIMALS] for t in ANIMALS]
    target = torch.randint(0, 3, (40,), generator=generator)
    answers = torch.randint(-1, 3, (6, 40), generator=generator)
    expected = loop(table, answers, target)
    assert metric.value(answers, target).tolist() == pytest.approx(expected, rel=1e-12)
    assert metric.rows(answers, target).mean(1).tolist() == pytest.approx(expected, rel=1e-12)
    times = torch.randint(0, 4, (40,), generator=generator)
    weighted = metric.value(answers, target, times).tolist()
    assert weighted == pytest.approx(loop(table, answers.repeat_interleave(times, 1), target.repeat_interleave(times)))


def test_classes_that_a_part_lacks_keep_their_places():
    metric = cost_metric({("cat", "dog"): 7, ("dog", "cat"): 3}, ANIMALS)
    assert metric.value(torch.tensor([[1, 0]]), torch.tensor([0, 0])).tolist() == [3.5]
    assert metric.value(torch.tensor([[0, -1]]), torch.tensor([1, 0])).tolist() == [5.0]  # -1: the dearest, 7


def test_the_margin_is_a_share_of_the_cheapest_constant_answer():
    metric = cost_metric("fn=10,fp=1", ["no", "yes"])
    assert metric.scale(torch.tensor([0] * 98 + [1] * 2)) == pytest.approx(0.2)  # never: 2 fn
    assert metric.scale(torch.tensor([0] * 2 + [1] * 2)) == pytest.approx(0.5)  # always: 2 fp
    assert metric.scale(torch.tensor([0, 0])) == 10.0  # nothing to lose: the dearest answer


def test_the_threshold_follows_the_costs():
    """With true log odds as scores the best cut is at log(fp / fn): Elkan 2001."""
    generator = torch.Generator().manual_seed(0)
    score = 2 * torch.randn(1, 40_000, generator=generator, dtype=torch.float64)
    target = (torch.rand(40_000, generator=generator, dtype=torch.float64) < score[0].sigmoid()).long()
    for cost, expected in (("fn=10,fp=1", -2.303), ("fn=1,fp=4", 1.386)):
        metric = cost_metric(cost, ["a", "b"])
        fitted = fit_threshold(score, target, metric)
        assert float(fitted.value) == pytest.approx(expected, abs=0.25)
        assert metric.value(fitted.apply(score), target) < metric.value((score > 0).long(), target)


@pytest.mark.parametrize("odd", ["a>b", "x=1,y", "it's", 'say "hi"', "<b>", "\u202ertl", ""])
def test_odd_names_in_quotes_and_in_python(odd):
    classes = ("plain", odd)
    quoted = '"' + odd.replace("\\", "\\\\").replace('"', '\\"') + '"'
    target, answers = torch.tensor([0, 1, 1]), torch.tensor([[1, 0, 1]])
    for cost in (f"plain>{quoted}=4", {("plain", odd): 4}):
        assert cost_metric(cost, classes).rows(answers, target).tolist() == [[4.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("cost", "classes", "words"),
    [
        ("fn:10", ("a", "b"), "cannot read 'fn:10'"),
        ("fn=10,,fp=1", ("a", "b"), "cannot read ',fp=1'"),
        ("fn=ten", ("a", "b"), "cost of fn: 'ten' is not a number"),
        ("fn=nan", ("a", "b"), "cost of fn is nan"),
        ("fm=10", ("a", "b"), "cost of 'fm': fn, fp, tp, tn or a pair such as a>b"),
        ("fn=1,fn=2", ("a", "b"), "cost of fn is given twice"),
        ("fn=1,b>a=2", ("a", "b"), "fn and b>a name the same answer"),
        ("fn=10", ANIMALS, "for two classes, and here are 3; name pairs, as cat>dog=5"),
        ("cat>dgo=2", ANIMALS, "no class 'dgo'; nearest: dog"),
        ("fn=-10", ("a", "b"), "the wrong answer 'a' costs -10, less than the right one"),
        ("fn=0,fp=0", ("a", "b"), "nothing to decide"),
        ("", ("a", "b"), "cost is empty"),
        ({("a", "b", "c"): 1}, ("a", "b"), "a pair"),
        ("fn=10", (), "needs a task with classes"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(cost, classes, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        cost_metric(cost, classes)


def test_neither_text_nor_mapping():
    with pytest.raises(TypeError, match="expected"):
        cost_metric(3, ("a", "b"))
