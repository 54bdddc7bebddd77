"""Losses that losslab cannot train with: never tried unasked, refused by name, left to the caller's own loop."""

from dataclasses import replace

import pytest
import torch
from optuna.trial import FixedTrial

import losslab
from losslab.catalog import CATALOGUE
from losslab.search.quota import candidates
from losslab.search.suggest import suggest_loss
from losslab.spec.declare import Catalogue
from losslab.train.lookup import find_loss, fitting, named

WHY = "huber_loss cannot be used in fit or in a search, because it is tired. Call it in a training loop of your own"


@pytest.fixture
def tired(monkeypatch):
    """The catalogue with a Huber loss that cannot be tuned."""
    record = replace(CATALOGUE["huber_loss"], untunable="it is tired")
    monkeypatch.setitem(CATALOGUE._records, "huber_loss", record)
    return record


def test_it_is_not_tried_unasked(tired):
    assert "huber_loss" not in [record.name for record in candidates("regression").losses]
    assert "smooth_l1_loss" in [record.name for record in candidates("regression").losses]  # of its group
    alone = Catalogue({name: CATALOGUE[name] for name in ("mse_loss", "huber_loss")})
    assert [record.name for record in candidates("regression", catalogue=alone).losses] == ["mse_loss"]


@pytest.mark.parametrize(
    "name",
    [lambda r: "huber", lambda r: r, lambda r: torch.nn.HuberLoss(), lambda r: losslab.nn.HuberLoss()],
)
def test_it_is_refused_in_words(tired, name):
    why = WHY if isinstance(name(tired), str | type(tired)) else WHY.replace("huber_loss", "HuberLoss")
    with pytest.raises(ValueError, match=f"{why}. What fits: l1_loss, mse_loss"):
        candidates("regression", [name(tired)])
    with pytest.raises(ValueError, match=why):
        find_loss(name(tired), "regression")


def test_fit_and_tune_refuse_it(tired):
    data = torch.arange(120.0).reshape(60, 2), torch.arange(60.0)
    with pytest.raises(ValueError, match=WHY):
        losslab.fit("linear", data, loss="huber", task="regression")
    with pytest.raises(ValueError, match=WHY):
        losslab.tune("linear", data, losses=["huber"], task="regression", trials=4)


def test_a_callers_own_study_may_use_it(tired):
    loss = suggest_loss(FixedTrial({"loss": "huber_loss", "huber_loss.delta": 0.5}), "regression", ["huber", "l1"])
    assert loss(torch.tensor([3.0]), torch.tensor([0.0])) == 0.5 * (3 - 0.25)


def test_an_error_names_a_few_losses_and_says_where_the_others_are():
    with pytest.raises(ValueError, match="dice_loss cannot be used in fit") as error:
        find_loss("dice_loss", "multiclass")
    fits = str(error.value).partition("What fits: ")[2]
    listed, _, rest = fits.partition(" and ")
    assert len(listed.split(", ")) == 8
    assert rest == f"{len(fitting(CATALOGUE, 'multiclass', None)) - 8} more: losslab losses --task multiclass --tunable"
    names = listed.split(", ")
    assert "focal_loss" in names  # tried by default, so named before others
    few = [CATALOGUE[name] for name in names[:3]]
    assert named(few, "multiclass") == ", ".join(names[:3])
