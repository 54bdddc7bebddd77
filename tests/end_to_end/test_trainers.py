"""losslab's losses in other people's loops, and its studies in Optuna's dashboard."""

import io
import json
import runpy
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
import torch

import losslab

EXAMPLES = Path(__file__).parents[2] / "examples" / "trainers"
NEEDS = {
    "optuna_study": ("optuna",),
    "skorch_classifier": ("skorch",),
    "lightning_module": ("lightning",),
    "huggingface_trainer": ("transformers", "accelerate"),
}
pytestmark = pytest.mark.filterwarnings("ignore")  # what these packages say of each other


@pytest.fixture(autouse=True)
def _quiet():
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


def example(name):
    for package in NEEDS[name]:
        pytest.importorskip(package, reason=f"{package} is not there: pip install losslab[trainers]")
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_every_example_is_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(NEEDS)


def test_optuna_study():
    study = example("optuna_study")["main"](trials=4)
    assert study.best_value > 0.85
    assert {"loss", "optimizer"} <= set(study.best_params)
    assert len(study.trials[0].intermediate_values) == 5


def test_skorch_takes_a_loss_and_its_parameters():
    found = example("skorch_classifier")["main"](epochs=8)
    criterion = found.best_estimator_.criterion_
    assert type(criterion) is losslab.nn.FocalLoss
    assert criterion.gamma == found.best_params_["criterion__gamma"]
    assert found.best_score_ > 0.8
    assert found.cv_results_["mean_test_score"][0] != found.cv_results_["mean_test_score"][1]


def test_lightning_trains_reports_and_prunes():
    names = example("lightning_module")
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(names["objective"], n_trials=1)
    assert list(study.trials[0].intermediate_values) == [0, 1, 2]
    assert study.trials[0].intermediate_values[2] == study.best_value > 0.7
    study.pruner = optuna.pruners.ThresholdPruner(lower=2.0)  # nothing is that good
    study.optimize(names["objective"], n_trials=1)
    assert study.trials[1].state == optuna.trial.TrialState.PRUNED
    assert list(study.trials[1].intermediate_values) == [0]


def test_the_trainer_of_hugging_face_learns_with_it():
    assert example("huggingface_trainer")["main"]() > 0.9


def test_accumulated_batches_of_uneven_size_are_one_large_batch():
    train = example("huggingface_trainer")["train"]
    plain = {"optim": "sgd", "learning_rate": 1.0, "lr_scheduler_type": "constant", "max_grad_norm": 0.0, "steps": 1}
    large = train(rows=7, batch_size=7, accumulate=1, **plain).model.state_dict()
    small = train(rows=7, batch_size=2, accumulate=4, **plain).model.state_dict()  # 2, 2, 2 and 1 rows
    before = train(rows=7, batch_size=7, accumulate=1, **{**plain, "learning_rate": 0.0}).model.state_dict()
    torch.testing.assert_close(small, large, rtol=1e-4, atol=1e-6)
    moved = {name for name in large if not torch.equal(large[name], before[name])}
    assert "classifier.weight" in moved
    assert len(moved) > 10


def ask(app, path):
    """The JSON that a WSGI application answers to a GET."""
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}
    setup_testing_defaults(environ)
    told = []
    body = b"".join(app(environ, lambda status, headers, *_: told.append(status)))
    assert told == ["200 OK"]
    return json.loads(body)


def test_a_study_opens_in_the_dashboard_of_optuna(tmp_path):
    dashboard = pytest.importorskip("optuna_dashboard", reason="pip install losslab[dashboard]")
    X = torch.randn(60, 2)
    out = tmp_path / "run 1"
    losslab.tune("linear", (X, X[:, 0]), losses=["huber_loss"], trials=8, runs=2, epochs=2, out=out, engine="stacked")
    file = optuna.storages.journal.JournalFileBackend(str(out / "optuna.log"))
    app = dashboard.wsgi(optuna.storages.JournalStorage(file))
    (study,) = ask(app, "/api/studies")["study_summaries"]
    assert study["study_name"] == "run 1"
    assert study["directions"] == ["minimize"]
    trials = ask(app, f"/api/studies/{study['study_id']}")["trials"]
    assert len(trials) == 8
    assert {trial["state"] for trial in trials} <= {"Complete", "Pruned"}
    losses = [param["param_external_value"] for trial in trials for param in trial["params"] if param["name"] == "loss"]
    assert sorted(losses) == ["huber_loss"] * 4 + ["mse_loss"] * 4
