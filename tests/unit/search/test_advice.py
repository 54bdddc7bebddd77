"""Which losses are proposed for which target and last layer."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import losslab
from losslab.search.advice import propose

NORMAL = torch.randn(400, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
OUTLIERS = torch.where(torch.arange(400) % 40 == 0, 60.0, NORMAL)
SHARES = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.0, 1.0, 0.0]])
COUNTS = torch.arange(60) % 23 + (torch.arange(60) % 7 == 0) * 30


def names(target, model=None):
    return [record.name for record in propose(target, model).losses]


@pytest.mark.parametrize(
    ("target", "kind", "first"),
    [
        (NORMAL, "real", "mse_loss"),
        (OUTLIERS, "real", "huber_loss"),
        (NORMAL[:, None], "real", "mse_loss"),
        (NORMAL.reshape(200, 2), "real", "mse_loss"),
        ((2 * NORMAL).exp(), "positive", "gamma_nll_loss"),
        ((2 * NORMAL).exp() * (NORMAL > 0), "positive", "tweedie_loss"),
        (NORMAL + 90, "real", "mse_loss"),
        (COUNTS, "count", "negative_binomial_nll_loss"),
        (torch.arange(400) % 21 + 190, "count", "poisson_nll_loss"),
        (NORMAL.sigmoid(), "share", "binary_cross_entropy_with_logits"),
        (torch.arange(90) % 3, "class", "cross_entropy"),
        (["a", "b", "c"] * 9, "class", "cross_entropy"),
        (["no", "yes"] * 9, "binary", "binary_cross_entropy_with_logits"),
        (NORMAL > 0, "binary", "binary_cross_entropy_with_logits"),
        (2 * (NORMAL > 0).long() - 1, "binary", "soft_margin_loss"),
        (SHARES, "distribution", "cross_entropy"),
        (torch.eye(3)[torch.arange(30) % 3], "class", "cross_entropy"),
        (torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 1]]), "columns", "binary_cross_entropy_with_logits"),
        (pd.Series(["low", "mid", "high"] * 5, dtype=pd.CategoricalDtype(["low", "mid", "high"], ordered=True)),
         "ordered", None),
        (torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1]]), "ordered", None),
        (torch.arange(96).reshape(2, 6, 8) % 4, "pixels", "cross_entropy"),
        ((NORMAL.exp(), (NORMAL > 0).long()), "event", None),
        ((torch.arange(12) % 3, torch.arange(12) // 4), "group", None),
    ],
)  # fmt: skip
def test_the_kind_of_a_target_and_its_first_loss(target, kind, first):
    found = propose(target)
    assert found.kind == kind
    assert first is None or found.losses[0].name == first
    assert len(found.losses) == len(found.reasons)
    assert all(found.reasons)


def test_what_has_order_events_or_groups_gets_no_loss_for_something_else():
    tasks = lambda target: {task for record in propose(target).losses for task in record.tasks}
    assert tasks((NORMAL.exp(), (NORMAL > 0).long())) <= {"survival"}
    assert tasks((torch.arange(12) % 3, torch.arange(12) // 4)) <= {"ranking"}


def test_a_text_names_the_target_and_the_reasons():
    text = str(losslab.propose(OUTLIERS, nn.Linear(3, 1)))
    assert text.startswith("target: real numbers with heavy tails (2.5% lie more than 5 robust deviations")
    assert "  huber_loss   the squared error near zero" in text
    assert "warning" not in text


def ends_in(*layers):
    return nn.Sequential(nn.Linear(4, 8), *layers)


@pytest.mark.parametrize(
    ("target", "model", "words"),
    [
        (torch.arange(90) % 3, ends_in(nn.Linear(8, 3), nn.Softmax(1)), r"act twice, .* fall below 0\.551"),
        (torch.arange(90) % 3, ends_in(nn.Linear(8, 2)), "the model has 2 outputs and the target wants 3"),
        (torch.arange(90) % 3, ends_in(nn.Linear(8, 3), nn.Sigmoid()), "the classes do not compete"),
        (NORMAL > 0, ends_in(nn.Linear(8, 1), nn.Sigmoid()), "take binary_cross_entropy_with_logits"),
        (torch.tensor([[1, 0], [1, 1]]), ends_in(nn.Linear(8, 2), nn.Softmax(1)), "makes independent answers compete"),
        (NORMAL, ends_in(nn.Linear(8, 1), nn.Sigmoid()), r"output lies in \[0, 1\], and \d+ targets lie outside"),
        (NORMAL, ends_in(nn.Linear(8, 1), nn.ReLU()), r"output lies in \[0, inf\)"),
        (COUNTS, ends_in(nn.Linear(8, 1), nn.Softplus()), "log_input=False"),
    ],
)  # fmt: skip
def test_a_last_layer_that_does_not_go_with_the_target_is_warned_of(target, model, words):
    warnings = propose(target, model).warnings
    assert len(warnings) == 1
    assert re.search(words, warnings[0]), warnings


def test_a_last_layer_that_goes_with_the_target_is_not_warned_of():
    assert propose(torch.arange(90) % 3, ends_in(nn.Linear(8, 3), nn.LogSoftmax(1))).warnings == ()
    assert propose(NORMAL.abs(), ends_in(nn.Linear(8, 1), nn.ReLU())).warnings == ()
    assert propose(NORMAL > 0, ends_in(nn.Linear(8, 1), nn.Dropout())).warnings == ()


def test_a_last_layer_brings_the_loss_that_reads_it_to_the_front():
    classes, answers = torch.arange(90) % 3, NORMAL > 0
    assert names(classes, ends_in(nn.Linear(8, 3), nn.LogSoftmax(1)))[:2] == ["nll_loss", "cross_entropy"]
    assert names(answers, ends_in(nn.Linear(8, 1), nn.Sigmoid()))[0] == "binary_cross_entropy"
    assert names(answers, ends_in(nn.Linear(8, 2)))[0] == "cross_entropy"


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ([], ValueError, "is empty"),
        ([1.5, float("nan")], ValueError, r"missing or infinite number, the first at \[1\]"),
        ([2.0, 2.0, 2.0], ValueError, "is 2.0 in all 3 rows"),
        (3.0, ValueError, "a single number"),
        ([[1.0], [1.0, 2.0]], ValueError, "differ in length"),
        ((NORMAL, NORMAL), ValueError, "neither 0/1"),
        ((NORMAL, torch.ones(3)), ValueError, "400 and 3 rows"),
        (np.array([["a", "b"], ["c", "d"]]), ValueError, "must hold numbers"),
    ],
)
def test_a_target_of_which_nothing_can_be_said_is_refused_in_words(target, error, words):
    with pytest.raises(error, match=words):
        propose(target)


def test_a_model_that_is_none_is_refused_in_words():
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, found type"):
        propose(NORMAL, nn.Linear)
