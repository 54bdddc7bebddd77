"""Every misuse of the tables is refused or warned of once, in words that say what was found and what to do."""

import warnings

import pytest
import torch
from misuse import TABLES

import losslab.functional as F
from losslab.spec import policy

ROWS = [row for table in TABLES for row in table]


def heard(row):
    """The error or the warnings of a call, as class and text."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            row.call()
        except Exception as error:
            return [(type(error), str(error))]
    return [(w.category, str(w.message)) for w in seen]


@pytest.mark.parametrize("row", ROWS, ids=[row.pain for row in ROWS])
def test_misuse_is_told_with_its_fix(row):
    policy.forget()
    said = [text for kind, text in heard(row) if kind is row.kind]
    assert any(all(word in text for word in row.words) for text in said), said
    if issubclass(row.kind, Warning):
        assert heard(row) == [], "a warning is given once"


def test_right_calls_are_silent():
    policy.forget()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, y = torch.randn(8, 3), torch.arange(8) % 3
        F.cross_entropy(x, y, weight=torch.ones(3), sample_weight=torch.zeros(8).index_fill(0, y[:2], 1.0))
        F.cross_entropy(x.log_softmax(1), y)
        F.nll_loss(torch.tensor([[-float("inf"), 0.0]]), torch.tensor([1]))
        F.binary_cross_entropy(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]))
        F.mse_loss(x, torch.full((8, 3), float("nan")), mask=torch.zeros(8, 3, dtype=torch.bool), reduction="sum")
        F.huber_loss(x, x + 1, delta=torch.tensor(1.0))
        F.supcon_loss(x, y, temperature=1.0)
        F.triplet_margin_loss(x, x + 0.1, -x)
        F.cox_loss(x[:, 0], x[:, 1].exp(), (y > 0).float())
        F.listnet_loss(x, torch.tensor([[0.0, 1.0, 0.0]]).expand(8, 3))


@pytest.mark.parametrize("loss", [F.cosine_embedding_loss, F.contrastive_loss], ids=lambda loss: loss.__name__)
def test_embeddings_without_entries_are_refused_and_empty_batches_are_not(loss):
    with pytest.raises(ValueError, match=r"input1 has shape \(4, 0\): its dimension D of .* has no entries"):
        loss(torch.zeros(4, 0), torch.zeros(4, 0), torch.ones(4))
    assert loss(torch.zeros(0, 4), torch.zeros(0, 4), torch.ones(0), reduction="sum").item() == 0
