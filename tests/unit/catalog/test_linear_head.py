"""Cross-entropy with the last layer inside, and adaptive softmax: against torch, and against what they are made of."""

import pickle
import warnings

import pytest
import torch

import losslab
import losslab.functional as F
from losslab import nn
from losslab.spec import policy


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("rows", "places"), [((), ()), ((6,), ()), ((6,), (3,)), ((6,), (2, 3)), ((0,), (2,)), ((2, 5), ())]
)
def test_it_is_a_layer_and_cross_entropy(rows, places, reduction, smoothing, soft):
    x, w, b = normal(*rows, 4), normal(5, *places, 4, seed=1), normal(5, *places, seed=2)
    leaves = [one.requires_grad_() for one in (x, w, b)]
    weight = torch.tensor([0.5, 2.0, 1.0, 3.0, 0.25], dtype=torch.float64)
    scores = torch.einsum("...d,c...d->...c" if not places else "nd,c...d->n...c", x, w) if len(rows) < 2 else x @ w.mT
    scores = (scores + b.movedim(0, -1)) if len(rows) < 2 else scores + b
    target = (
        normal(*rows, *places, 5, seed=3).softmax(-1).detach() if soft else torch.arange(999)[: scores[..., 0].numel()]
    )
    target = target if soft else (target % 5).reshape(scores.shape[:-1])
    classes = 1 if rows else 0  # classes stand before the places
    given = target.movedim(-1, len(rows)) if soft else target
    options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction, "empty": "nan"}
    found = F.linear_cross_entropy(x, w, given, linear_bias=b, **options)
    wanted = F.cross_entropy(scores.movedim(-1, classes), target.movedim(-1, classes) if soft else target, **options)
    torch.testing.assert_close(found, wanted, equal_nan=True)
    if found.numel() and found.isfinite().all():
        ours, parts = (torch.autograd.grad(one.sum(), leaves, retain_graph=True) for one in (found, wanted))
        for one, other in zip(ours, parts, strict=True):
            torch.testing.assert_close(one, other)
    if len(rows) < 2 and rows != (0,):
        del options["empty"]
        theirs = torch.nn.functional.linear_cross_entropy(x, w, given, linear_bias=b, **options)
        torch.testing.assert_close(found, theirs)


@pytest.mark.parametrize("places", [(), (4, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_the_module_has_torchs_layer(places, bias):
    how = {"out_features": places, "bias": bias, "dtype": torch.float64, "weight": torch.arange(1.0, 11.0).double()}
    ours, theirs = (place.LinearCrossEntropyLoss(5, 10, label_smoothing=0.1, **how) for place in (nn, torch.nn))
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.load_state_dict(theirs.state_dict())
    x, y = normal(6, 5), torch.randint(10, (6, *places), generator=torch.Generator().manual_seed(1))
    y[1] = -100
    for loss in (ours, pickle.loads(pickle.dumps(ours))):
        torch.testing.assert_close(loss(x, y), theirs(x, y))
    for loss in (ours, theirs):
        loss(x, y).backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    weight = torch.rand(6, *places, dtype=torch.float64)
    kept = weight > 0.4
    each = nn.LinearCrossEntropyLoss(5, 10, reduction="none", **how)
    each.load_state_dict(ours.state_dict())
    found = each(x, y, mask=kept, sample_weight=weight)
    torch.testing.assert_close(found, torch.where(kept, each(x, y) * weight, 0.0))
    assert "Linear(in_features=5" in repr(ours)


def test_a_row_that_is_left_out_may_hold_anything():
    x, w = normal(3, 4), normal(5, 4, seed=1).requires_grad_()
    x[1] = torch.nan
    x.requires_grad_()
    found = F.linear_cross_entropy(x, w, torch.tensor([1, -100, 2]))
    slopes = torch.autograd.grad(found, (x, w))
    assert all(slope.isfinite().all() for slope in slopes)
    assert not slopes[0][1].any()
    kept = F.linear_cross_entropy(x[[0, 2]], w, torch.tensor([1, 2]))
    torch.testing.assert_close(found, kept)
    torch.testing.assert_close(slopes[1], torch.autograd.grad(kept, w)[0])


def test_no_index_to_ignore_means_torchs_default():
    x, w, y = normal(2, 4), normal(5, 4), torch.tensor([3, -100])
    theirs = torch.nn.functional.linear_cross_entropy(x, w, y, ignore_index=None)
    torch.testing.assert_close(F.linear_cross_entropy(x, w, y, ignore_index=None), theirs)


def test_chunks_are_no_more_than_a_wish():
    x, w, y = normal(2, 4), normal(5, 4), torch.tensor([3, 1])
    plain = F.linear_cross_entropy(x, w, y)
    with pytest.warns(policy.LossWarning, match="options ask for the scores in chunks"):
        assert F.linear_cross_entropy(x, w, y, options=torch.nn.LinearCrossEntropyOptions()) == plain
    with pytest.raises(ValueError, match="options = 7"):
        F.linear_cross_entropy(x, w, y, options=7)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 4), (5, 3), (2,), (5,)), r"input has shape \(2, 4\) and linear_weight \(5, 3\); they must be"),
        (((4,), (5, 2, 4), (2,), (5, 2)), r"input has shape \(4,\) and linear_weight \(5, 2, 4\)"),
        (((2, 4), (5, 4), (3,), (5,)), r"target is int64 of shape \(3,\), it must have shape \(2,\) .*\(2, 5\)"),
        (((2, 4), (5, 3, 4), (2, 1), (5, 3)), r"target is int64 of shape \(2, 1\), it must have shape \(2, 3\)"),
        (((2, 4), (5, 4), (2,), (4,)), r"linear_bias is float64 of shape \(4,\), it must have shape \(5,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, words):
    x, w, y, b = shapes
    with pytest.raises(ValueError, match=words):
        F.linear_cross_entropy(normal(*x), normal(*w), torch.zeros(y, dtype=torch.int64), linear_bias=normal(*b))


def test_the_module_wants_sizes():
    for sizes in ((0, 5), (4, 2.5), (True, 5)):
        with pytest.raises(TypeError, match="it must be a whole number from 1 on"):
            nn.LinearCrossEntropyLoss(*sizes)
    with pytest.raises(ValueError, match=r"weight has shape \(4,\); it must be \(5,\)"):
        nn.LinearCrossEntropyLoss(3, 5, weight=torch.ones(4))


def adaptive(place, **options):
    torch.manual_seed(3)
    return place.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10, 15], div_value=2.0, **options)


@pytest.mark.parametrize("head_bias", [False, True])
def test_adaptive_softmax_is_torchs(head_bias):
    ours, theirs = adaptive(nn, head_bias=head_bias), adaptive(torch.nn, head_bias=head_bias)
    x, y = normal(50, 16).float(), torch.arange(50) % 20
    for labels in (y, y.int(), y.to(torch.uint8)):
        found, wanted = ours(x, labels), theirs(x, y)
        assert type(found) is type(wanted)
        assert torch.equal(found.output, wanted.output)
        assert torch.equal(found.loss, wanted.loss)
    for made, loss in ((found, ours), (wanted, theirs)):
        made.loss.backward()
        loss.total = sum(p.grad.abs().sum() for p in loss.parameters())
    assert torch.equal(ours.total, theirs.total)
    assert torch.equal(ours.log_prob(x), theirs.log_prob(x))
    assert torch.equal(ours.predict(x), theirs.predict(x))
    torch.testing.assert_close(ours.log_prob(x).exp().sum(1), torch.ones(50))
    torch.testing.assert_close(found.output, ours.log_prob(x).gather(1, y.unsqueeze(1)).squeeze(1))
    assert torch.equal(ours(x[3], y[3]).output, theirs(x[3], y[3]).output)
    assert torch.equal(pickle.loads(pickle.dumps(ours))(x, y).loss, found.loss)


@pytest.mark.parametrize(
    ("x", "y", "kind", "words"),
    [
        ((3, 16), [1, 2], ValueError, r"target has shape \(2,\); with this input it must be \(3,\)"),
        ((3, 16), [[1], [2], [3]], ValueError, r"target has shape \(3, 1\)"),
        ((3, 8), [1, 2, 3], ValueError, r"input has shape \(3, 8\); it must be \(16\) or \(N, 16\)"),
        ((2, 16), [19, 20], ValueError, r"label 20 at \[1\] is out of range: there are 20 classes"),
        ((2, 16), [-1, 0], ValueError, r"label -1 at \[0\] is out of range"),
        ((2, 16), [1.0, 0.0], TypeError, r"target is float32; .* use target.long\(\)"),
    ],
)
def test_adaptive_softmax_says_what_is_wrong(x, y, kind, words):
    with pytest.raises(kind, match=words):
        adaptive(nn)(torch.zeros(x), torch.tensor(y))
    with pytest.raises(ValueError, match=r"it must be \(N, 16\)"):
        adaptive(nn).predict(torch.zeros(16))


def test_adaptive_softmax_of_no_rows():
    loss, x, y = adaptive(nn), torch.zeros(0, 16, requires_grad=True), torch.zeros(0, dtype=torch.int64)
    with pytest.warns(policy.EmptyLossWarning, match="nothing to average"):
        found = loss(x, y)
    assert found.loss == 0
    assert found.output.shape == (0,)
    found.loss.backward()
    assert not loss.head.weight.grad.any()
    with losslab.torch_compatible():
        assert loss(x, y).loss.isnan()


def test_the_older_name_of_nll_loss_warns_as_torchs_does():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        ours, theirs = (place.NLLLoss2d(torch.tensor([1.0, 2.0]), ignore_index=1) for place in (nn, torch.nn))
    assert [one.category for one in seen] == [FutureWarning] * 2
    x, y = torch.randn(2, 2, 3, 4).log_softmax(1), torch.randint(2, (2, 3, 4))
    torch.testing.assert_close(ours(x, y), theirs(x, y))
    assert isinstance(ours, nn.NLLLoss)
    assert torch.equal(pickle.loads(pickle.dumps(ours))(x, y), ours(x, y))
