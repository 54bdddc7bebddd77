"""Ranking losses by loops over the items of each list; ragged lists; identities; corners."""

import math

import pytest
import torch

import losslab.functional as L
from losslab import nn
from losslab.spec.policy import EmptyLossWarning

LISTWISE = ["ranknet_loss", "lambdarank_loss", "listnet_loss", "listmle_loss", "approx_ndcg_loss"]


def lists():
    """Lists of 6, 4 and 1 items, one of 5 without a preference, and ties in relevance."""
    x = torch.randn((4, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    t = torch.tensor([[0, 2, 1, 0, 3, 1], [1, 0, 2, 0, 9, 9], [2, 9, 9, 9, 9, 9], [1, 1, 1, 1, 1, 9]]).double()
    mask = torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5, [1] * 5 + [0]]).bool()
    return x, t, mask


def softplus(z):
    return math.log1p(math.exp(-abs(z))) + max(z, 0.0)


def pairs(t):
    return [(i, j) for i in range(len(t)) for j in range(len(t)) if t[i] > t[j]]


def ranknet(x, t, sigma=1.0):
    found = [softplus(-sigma * (x[i] - x[j])) for i, j in pairs(t)]
    return math.fsum(found) / max(len(found), 1)


def best_gain(t):
    return math.fsum((2**g - 1) / math.log2(2 + k) for k, g in enumerate(sorted(t, reverse=True)))


def lambdarank(x, t, sigma=1.0):
    place = {i: k + 1 for k, i in enumerate(sorted(range(len(x)), key=lambda i: -x[i]))}
    total = 0.0
    for i, j in pairs(t):
        swap = (2 ** t[i] - 2 ** t[j]) * abs(1 / math.log2(1 + place[i]) - 1 / math.log2(1 + place[j]))
        total += swap / best_gain(t) * softplus(-sigma * (x[i] - x[j]))
    return total


def log_softmax(x):
    top = max(x)
    total = top + math.log(math.fsum(math.exp(s - top) for s in x))
    return [s - total for s in x]


def listnet(x, t):
    return -math.fsum(math.exp(a) * b for a, b in zip(log_softmax(t), log_softmax(x), strict=True))


def listmle(x, t):
    return -math.fsum(
        log_softmax([x[i]] + [x[j] for j in range(len(x)) if j != i and t[j] <= t[i]])[0] for i in range(len(x))
    )


def approx_ndcg(x, t, temperature=0.1):
    if not best_gain(t):
        return 0.0
    total = 0.0
    for i in range(len(x)):
        place = 1 + math.fsum(1 / (1 + math.exp((x[i] - x[j]) / temperature)) for j in range(len(x)) if j != i)
        total += (2 ** t[i] - 1) / math.log2(1 + place)
    return 1 - total / best_gain(t)


CASES = [
    ("ranknet_loss", ranknet, {}),
    ("ranknet_loss", ranknet, {"sigma": 2.5}),
    ("lambdarank_loss", lambdarank, {}),
    ("lambdarank_loss", lambdarank, {"sigma": 0.4}),
    ("listnet_loss", listnet, {}),
    ("listmle_loss", listmle, {}),
    ("approx_ndcg_loss", approx_ndcg, {}),
    ("approx_ndcg_loss", approx_ndcg, {"temperature": 0.7}),
]


@pytest.mark.parametrize(("name", "oracle", "options"), CASES)
def test_ragged_lists_by_a_plain_loop(name, oracle, options):
    x, t, mask = lists()
    x.requires_grad_()
    found = getattr(L, name)(x, t, mask=mask, reduction="none", **options)
    rows = [(a[k].tolist(), b[k].tolist()) for a, b, k in zip(x.detach(), t, mask, strict=True)]
    expected = [oracle(a, b, **options) for a, b in rows]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=1e-12)
    (slope,) = torch.autograd.grad(found.sum(), x)
    assert not slope[~mask].any()
    for row in (0, 1):
        for item in range(4):
            ends = []
            for step in (1e-6, -1e-6):
                scores = list(rows[row][0])
                scores[item] += step
                ends.append(oracle(scores, rows[row][1], **options))
            assert slope[row, item].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


@pytest.mark.filterwarnings("ignore:.*no order to learn")
@pytest.mark.parametrize("name", ["ranknet_loss", "lambdarank_loss", "approx_ndcg_loss"])
def test_lists_that_teach_nothing_do_not_count(name):
    x, t, mask = lists()
    t[3] = 0
    taught = [0, 1] if name != "approx_ndcg_loss" else [0, 1, 2]
    value = getattr(L, name)(x, t, mask=mask)
    torch.testing.assert_close(value, getattr(L, name)(x, t, mask=mask, reduction="none")[taught].mean())
    with pytest.warns(EmptyLossWarning, match=name):
        assert getattr(L, name)(x[3:], t[3:], mask=mask[3:]).item() == 0


@pytest.mark.parametrize("name", LISTWISE)
def test_the_order_of_items_says_nothing(name):
    x, t, mask = lists()
    turned = torch.tensor([3, 5, 0, 4, 1, 2])
    found = getattr(L, name)(x[:, turned], t[:, turned], mask=mask[:, turned])
    torch.testing.assert_close(found, getattr(L, name)(x, t, mask=mask))


@pytest.mark.parametrize("name", LISTWISE)
def test_a_shift_of_all_scores_changes_nothing_and_the_right_order_is_better(name):
    x, t, mask = lists()
    loss = getattr(L, name)
    torch.testing.assert_close(loss(x + 3, t, mask=mask), loss(x, t, mask=mask))
    right = torch.where(mask, t, 0.0) * 2
    assert loss(right, t, mask=mask) < loss(x, t, mask=mask) < loss(-right, t, mask=mask)


def test_a_low_temperature_gives_ndcg():
    x, t, _ = lists()
    order = sorted(range(6), key=lambda i: -x[0, i])
    reached = math.fsum((2 ** t[0, i].item() - 1) / math.log2(2 + k) for k, i in enumerate(order))
    found = L.approx_ndcg_loss(x[:1], t[:1], temperature=1e-4)
    assert found.item() == pytest.approx(1 - reached / best_gain(t[0].tolist()), rel=1e-9)


def test_lambdarank_still_pulls_where_all_scores_are_equal():
    x = torch.zeros(1, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(L.lambdarank_loss(x, torch.tensor([[0.0, 0.0, 1.0]])), x)
    assert slope[0, 2] < 0 < slope[0, 0]


def test_listmle_of_a_strict_order_is_plackett_luce():
    x = torch.tensor([[0.3, -1.0, 0.8]], dtype=torch.float64)
    a, b, c = x.exp()[0].tolist()
    likelihood = c / (a + b + c) * a / (a + b)
    assert L.listmle_loss(x, torch.tensor([[1.0, 0.0, 2.0]])).item() == pytest.approx(-math.log(likelihood))


def test_bpr_by_a_loop_and_as_a_pair_of_ranknet():
    positive = torch.tensor([0.4, -1.0, 2.0], dtype=torch.float64)
    negative = torch.randn((3, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]]).bool()
    found = L.bpr_loss(positive, negative, mask=mask, reduction="none")
    for row in range(3):
        kept = [-math.log(1 / (1 + math.exp(-(positive[row] - n).item()))) for n in negative[row][mask[row]]]
        assert found[row].item() == pytest.approx(math.fsum(kept) / max(len(kept), 1))
    torch.testing.assert_close(L.bpr_loss(positive, negative, mask=mask), found[:2].mean())
    pair = torch.stack([positive, negative[:, 0]], 1)
    choice = torch.tensor([[1.0, 0.0]]).expand(3, 2)
    torch.testing.assert_close(L.bpr_loss(positive, negative[:, :1]), L.ranknet_loss(pair, choice))
    far = L.bpr_loss(torch.tensor([-500.0]), torch.tensor([[500.0]]))
    assert far.item() == 1000


def test_relevance_that_is_no_grade_is_refused():
    x = torch.zeros(1, 2)
    with pytest.raises(ValueError, match=r"lambdarank_loss: the gain.*largest relevance is 500; pass grades"):
        L.lambdarank_loss(x, torch.tensor([[0.0, 500.0]]))
    with pytest.raises(ValueError, match=r"ranknet_loss: target must lie in \[0, inf\).*-1"):
        nn.RankNetLoss()(x, torch.tensor([[0.0, -1.0]]))
