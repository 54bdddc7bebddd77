"""Losses at infinite errors, of weight 0 too, and second slopes where an entry is exactly 0."""

import math

import pytest
import torch

import losslab.functional as F
from losslab.catalog.embedding import distance

INF = math.inf


def graph_of(loss, input, *rest, **options):
    """Values and slopes of each element, in double precision and in single."""
    found = []
    for kind in (torch.float64, torch.float32):
        x = torch.tensor(input, dtype=kind, requires_grad=True)
        value = loss(x, *(torch.tensor(one, dtype=kind) for one in rest), reduction="none", **options)
        (slope,) = torch.autograd.grad(value.sum(), x)
        found.append((value.tolist(), slope.tolist()))
    return found


def test_huber_far_out_and_with_no_bend_at_all():
    for value, slope in graph_of(F.huber_loss, [INF, -INF], [1.0, 1.0], delta=2.5):
        assert value == [INF, INF]
        assert slope == [2.5, -2.5]
    for delta in (INF, torch.tensor(INF)):
        for value, slope in graph_of(F.huber_loss, [INF, -INF, 4.0], [1.0, 1.0, 1.0], delta=delta):
            assert value == [INF, INF, 4.5]
            assert slope[0] == -slope[1] > 1e38
            assert slope[2] == 3.0


def test_a_learnt_bend_that_is_infinite_has_no_slope_by_a_near_error():
    delta = torch.tensor(INF, requires_grad=True)
    F.huber_loss(torch.tensor([3.0]), torch.tensor([1.0]), delta=delta).backward()
    assert delta.grad.item() == 0.0


def test_symmetric_relative_error_is_2_of_what_is_infinitely_far():
    for value, slope in graph_of(F.smape_loss, [INF, -INF, 3.0], [2.0, 2.0, 1.0]):
        assert value == [2.0, 2.0, 1.0]
        assert slope == [0.0, 0.0, 0.25]


def test_students_pull_fades_to_nothing():
    for value, slope in graph_of(F.student_t_nll_loss, [INF, -INF, 1e30], [2.0, 2.0, 0.0]):
        assert value[:2] == [INF, INF]
        # 5/2 log(1 + r^2 / 4) - log(3/8), and 5 / r
        assert value[2] == pytest.approx(5 * math.log(1e30 / 2) - math.log(3 / 8), rel=1e-6)
        assert slope == pytest.approx([0.0, 0.0, 5e-30], rel=1e-6)


def test_quality_focal_keeps_the_slope_of_a_wrong_certainty():
    for value, slope in graph_of(F.quality_focal_loss, [INF, -INF, -INF], [0.0, 1.0, 0.0]):
        assert value == [INF, INF, 0.0]
        assert slope == [1.0, -1.0, 0.0]


@pytest.mark.parametrize("name", ["weight", "sample_weight"])
def test_an_infinite_log_loss_of_weight_0_does_not_count(name):
    x, y, w = [-INF, INF, 0.0], [1.0, 0.0, 1.0], torch.tensor([0.0, 2.0, 3.0], dtype=torch.float64)
    for value, slope in graph_of(F.binary_cross_entropy_with_logits, x, y, **{name: w}):
        assert value == pytest.approx([0.0, INF, 3 * math.log(2)])
        assert slope == pytest.approx([0.0, 2.0, -1.5])
    scores = torch.tensor([[-INF, 0.0], [0.0, 0.0]], dtype=torch.float64)
    given = {name: torch.tensor([0.0, 2.0])}
    assert F.cross_entropy(scores, torch.tensor([0, 1]), **given).item() == pytest.approx(math.log(2))


def test_the_second_slope_of_a_distance_with_an_entry_of_exactly_0():
    """(I - u u') / length, whatever the entries are."""
    x = torch.tensor([[3.0, 0.0, -4.0]], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, 3, dtype=torch.float64)
    found = torch.autograd.functional.hessian(lambda a: distance(a, zero, 2.0, 0.0).sum(), x)[0, :, 0]
    u = x.detach()[0] / 5
    torch.testing.assert_close(found, (torch.eye(3) - torch.outer(u, u)) / 5, rtol=1e-12, atol=1e-12)
