"""Losses that want the counts of the classes get those of the rows that they train on, everywhere."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
import torch

import losslab
from losslab.catalog import CATALOGUE
from losslab.report import words
from losslab.report.export import write_best_loss
from losslab.search.own import loss_module
from losslab.search.problem import Folds
from losslab.search.space import Configuration
from losslab.train.groups import LossGroup
from losslab.train.objective import class_counts, objective_of

LOSSES = ["logit_adjusted_loss", "class_balanced_loss", "balanced_softmax_loss", "ldam_loss"]
RECORD = CATALOGUE["logit_adjusted_loss"]


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    return X, np.digitize(X[:, 0] + 0.3 * rng.normal(size=300), [0.8, 1.6])


def test_counts_are_those_of_the_rows():
    labels = torch.tensor([2, 0, 0, 2, 2])
    assert class_counts(RECORD, labels, 4) == {"class_counts": (2.0, 1.0, 3.0, 1.0)}
    assert class_counts(CATALOGUE["cross_entropy"], labels, 4) == {}


def test_each_fold_has_counts_of_its_own():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    problem = SimpleNamespace(y_seen=labels, classes=3, table=SimpleNamespace(width=1))
    parts = [torch.tensor([0, 1, 3]), torch.tensor([2, 3, 4, 5])]
    folds = Folds(problem, parts, [SimpleNamespace(mad=1.0)] * 2)
    made = [
        folds.member(
            Configuration(0, RECORD.name, {"tau": 0.7}), RECORD, number=0, seed=0, fold=fold, batch_size=4, epochs=1
        )
        for fold in (0, 1)
    ]
    assert [dict(member.params) for member in made] == [
        {"tau": 0.7, "class_counts": (2.0, 1.0, 1.0)},
        {"tau": 0.7, "class_counts": (1.0, 2.0, 1.0)},
    ]


@pytest.mark.parametrize("lift", [True, False])
def test_members_with_counts_of_their_own_share_a_call(lift):
    output = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([[0, 1, 2, 0, 0], [2, 2, 1, 0, 1]])
    counts = torch.tensor([[3.0, 1.0, 1.0], [1.0, 20.0, 4.0]])
    tau = torch.tensor([0.5, 1.5])
    group = LossGroup(slice(0, 2), objective_of(RECORD, 3), {"tau": tau, "class_counts": counts})
    alone = [RECORD(output[k], y[k], tau=tau[k].item(), class_counts=counts[k]) for k in (0, 1)]
    torch.testing.assert_close(group(output, y, lift=lift), torch.stack(alone))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    options = {"losses": LOSSES, "trials": 10, "epochs": 2, "runs": 2, "metric": "balanced_accuracy", "out": out}
    first = losslab.tune("linear", rows(), **options)
    return first, losslab.tune("linear", rows(), resume=True, **options), out


def test_a_search_trains_with_them_and_says_what_it_trained_with(tuned):
    first, again, _ = tuned
    listed = {row.loss: row for row in first.table if row.role == "loss"}
    assert set(LOSSES) <= set(listed)
    for name in LOSSES:
        counts = listed[name].params["class_counts"]
        assert len(counts) == 3
        assert 100 < sum(counts) < 300  # the training part, not all rows
        assert counts[0] > counts[1] > counts[2] >= 1
        other = next(row for row in again.table if row.role == "loss" and row.loss == name)
        assert list(other.params["class_counts"]) == list(counts)
        assert "class_counts" not in words.settings(other.params)


def test_the_exported_loss_holds_the_counts(tuned):
    _, again, out = tuned
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 2, 0, 0, 2, 1])
    for row in again.table:
        if row.role == "loss" and row.loss in LOSSES:
            path = write_best_loss(CATALOGUE[row.loss], row.params, out / f"{row.loss}.py")
            spec = importlib.util.spec_from_file_location(row.loss, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found = module.BestLoss()(x, y)
            torch.testing.assert_close(found, loss_module(CATALOGUE[row.loss], row.params)(x, y))
            counts = torch.tensor(row.params["class_counts"])
            parameters = {name: row.params[name] for name in CATALOGUE[row.loss].parameters}
            torch.testing.assert_close(found, CATALOGUE[row.loss](x, y, class_counts=counts, **parameters))


def test_fit_counts_the_training_part():
    result = losslab.fit("linear", rows(), loss="ldam_loss", params={"scale": 1.0}, epochs=1)
    assert not result.broken
    assert np.isfinite(result.history[0]["loss"])


def test_a_suggested_loss_counts_the_labels_that_it_is_given():
    trial = optuna.trial.FixedTrial({"loss": RECORD.name, f"{RECORD.name}.tau": 0.5})
    module = losslab.suggest_loss(trial, losses=[RECORD], target=np.array([0, 0, 2, 2, 2]))
    assert module.class_counts.tolist() == [2.0, 1.0, 3.0]
    with pytest.raises(ValueError, match=r"logit_adjusted_loss wants the counts.*target="):
        losslab.suggest_loss(trial, losses=[RECORD])
