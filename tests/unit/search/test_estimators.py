"""The scikit-learn estimators: scikit-learn's own checks, and what they promise beyond."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, make_blobs
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from losslab import LossTunedClassifier, LossTunedRegressor
from losslab.catalog import losses
from losslab.data.prepare import prepare
from losslab.optim import get as update_rule
from losslab.search.estimators import table_of, too_few
from losslab.search.quota import candidates
from losslab.search.refit import in_engine_units, split_settings, train_on_all
from losslab.search.space import default_configuration

SMALL = {"model": "mlp:16", "trials": 4, "runs": 2, "epochs": 20, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    X, y = make_blobs(n_samples=150, centers=3, cluster_std=2.0, random_state=1)
    names = np.array(["pear", "apple", "fig"])[y]
    return LossTunedClassifier(losses=["focal_loss"], **SMALL).fit(X, names), X, names


@pytest.mark.parametrize("estimator", [
    LossTunedClassifier(trials=2, runs=2, epochs=10, losses=["poly1_cross_entropy"]),
    LossTunedRegressor(trials=2, runs=2, losses=["huber_loss"]),
], ids=["classifier", "regressor"])  # fmt: skip
def test_scikit_learns_own_checks_without_exceptions(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks fit a handful of rows, which are too few to compare losses on
        found = check_estimator(estimator, on_skip=None)
    assert {one["status"] for one in found} <= {"passed", "skipped"}
    assert [one["check_name"] for one in found if one["status"] == "skipped"] == ["check_array_api_input"]


def test_cross_val_score_in_a_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    small = LossTunedClassifier(losses=["sigmoid_focal_loss"], **SMALL)
    assert cross_val_score(make_pipeline(StandardScaler(), small), X, y, cv=2).min() > 0.93
    X, y = load_diabetes(return_X_y=True)
    small = LossTunedRegressor(losses=["huber_loss"], **SMALL)
    assert cross_val_score(small, X, y, cv=2).min() > 0.3


def test_a_grid_over_losses_trains_with_each_as_it_is():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 1))
    y = 3 * X[:, 0] + np.where(rng.random(240) < 0.2, 60.0, 0.0)  # a fifth is far off, on one side
    grid = GridSearchCV(
        LossTunedRegressor("linear", epochs=60, random_state=0, optimizers="adam"),
        {"loss": ["mse_loss", "l1_loss"]}, scoring="neg_median_absolute_error", cv=2,
    ).fit(X, y)  # fmt: skip
    assert grid.best_params_ == {"loss": "l1_loss"}
    best = grid.best_estimator_
    assert best.result_ is None
    assert best.verdict_ == "Trained with l1_loss, as asked: no loss was compared."
    assert best.n_iter_ == 60


def test_what_a_search_leaves_behind(fitted):
    clf, X, names = fitted
    assert clf.classes_.tolist() == ["apple", "fig", "pear"]
    assert {row.loss for row in clf.result_.table} == {"cross_entropy", "focal_loss"}
    assert clf.verdict_ == clf.result_.verdict
    assert isinstance(clf.best_loss_, torch.nn.Module)
    assert clf.n_features_in_ == 2
    probability = clf.predict_proba(X)
    assert probability.shape == (150, 3)
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-12)
    assert (clf.classes_[probability.argmax(1)] == clf.predict(X)).all()
    assert clf.score(X, names) > 0.8
    np.testing.assert_allclose(np.exp(clf.decision_function(X)), probability, rtol=1e-9)


def test_pickle_keeps_model_and_result(fitted):
    clf, X, _ = fitted
    again = pickle.loads(pickle.dumps(clf))
    assert (again.predict_proba(X) == clf.predict_proba(X)).all()
    assert again.verdict_ == clf.verdict_
    assert again.result_.table == clf.result_.table
    assert again.result_._records == clf.result_._records
    assert len(pickle.dumps(clf)) < 400_000


def test_the_random_state_decides_everything(fitted):
    clf, X, names = fitted
    same = clone(clf).fit(X, names)
    assert (same.predict_proba(X) == clf.predict_proba(X)).all()
    other = clone(clf).set_params(random_state=1, loss="cross_entropy", epochs=2)
    third = clone(other).set_params(random_state=2)
    assert (other.fit(X, names).predict_proba(X) != third.fit(X, names).predict_proba(X)).any()


def test_a_loss_without_probabilities_takes_predict_proba_away():
    X, y = make_blobs(n_samples=60, centers=2, random_state=3)
    clf = LossTunedClassifier("linear", loss="hinge_loss", epochs=50, random_state=0)
    assert hasattr(clf, "predict_proba")
    clf.fit(X, y)
    assert not hasattr(clf, "predict_proba")
    with pytest.raises(AttributeError) as missing:
        _ = clf.predict_proba
    assert "HingeLoss(margin=1.0), which gives no probabilities: use decision_function" in str(missing.value.__cause__)
    assert ((clf.decision_function(X) > 0) == (clf.predict(X) == 1)).all()


def test_no_such_loss_takes_part_unless_it_is_named():
    X, y = make_blobs(n_samples=120, centers=2, random_state=3)
    clf = LossTunedClassifier("linear", trials=40, runs=2, epochs=1, random_state=0).fit(X, y)
    links = {losses()[row.loss].link for row in clf.result_.table}
    assert "arg-max" in {record.link for record in candidates("binary").losses}
    assert "arg-max" not in links
    assert "sigmoid" in links


def test_few_rows_get_the_default_and_are_told():
    X, y = make_blobs(n_samples=40, centers=2, random_state=3)
    told = "40 rows are too few to compare losses on; 100 are needed"
    with pytest.warns(UserWarning, match=f"{told}; trained with binary_cross_entropy_with_logits"):
        clf = LossTunedClassifier(random_state=0).fit(X, y)
    assert clf.verdict_ == f"Keep binary_cross_entropy_with_logits. Undecided: {told}."
    assert clf.score(X, y) == 1
    assert clf.n_iter_ == 150  # 300 steps of two batches


@pytest.mark.parametrize(("y", "task", "told"), [
    (np.arange(99.0), "regression", "99 rows are too few"),
    (np.arange(100.0), "regression", ""),
    (np.full(100, 2.5), "regression", "y is 2.5 in all rows"),
    (np.r_[np.zeros(96, int), np.ones(4, int)], "binary", "4 rows of one class are too few"),
    (np.r_[np.zeros(95, int), np.ones(5, int)], "binary", ""),
    (np.r_[np.zeros(120, int), np.ones(9, int), 2], "multiclass", "1 row of one class is too few"),
])  # fmt: skip
def test_too_few(y, task, told):
    assert too_few(y, task).startswith(told)
    assert bool(too_few(y, task)) == bool(told)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"y holds one class, .*'a'.*: a classifier needs at least two"):
        LossTunedClassifier().fit(np.ones((5, 2)), ["a"] * 5)


def test_the_model_of_all_rows_is_the_least_squares_line():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3)) * [1.0, 20.0, 0.1] + [0.0, 5.0, 3.0]
    y = X @ [2.0, -0.5, 40.0] + 100 + rng.normal(size=80)
    table = table_of(X, y, "regression")
    trained = train_on_all(
        table, "linear", losses()["mse_loss"], optimizer={"name": "adam", "lr": 0.05}, epochs=1200, batch_size=80
    )
    design = np.c_[X, np.ones(80)]
    line = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(trained.read(torch.from_numpy(X), "value").numpy(), line, atol=2e-3)


def test_parameters_come_in_the_targets_own_unit():
    y = np.array([0.0, 10.0, 20.0, 30.0, 90.0])  # mean 30, deviation sqrt(1000)
    prepared = prepare(table_of(np.zeros((5, 1)), y, "regression"), torch.arange(5))
    record = losses()["huber_loss"]
    start = default_configuration(record, {"adamw": update_rule("adamw")})
    given = in_engine_units(record, {"delta": 5.0}, start, prepared)
    assert given == {"delta": pytest.approx(5 / 1000**0.5)}
    left = in_engine_units(record, None, start, prepared)
    assert left == {"delta": pytest.approx(10 / 1000**0.5)}  # one median absolute deviation: of 20 10 0 10 70


def test_settings_go_where_they_belong():
    found = split_settings({"schedule": "cosine", "dropout": 0.2, "patience": 3})
    assert found["training"].schedule == "cosine"
    assert found["training"].patience == 0
    assert found["architecture"] == {"dropout": 0.2}


def test_predictions_of_a_row_do_not_depend_on_its_neighbours(fitted):
    clf, X, _ = fitted
    whole = clf.predict_proba(X)
    np.testing.assert_allclose(np.vstack([clf.predict_proba(X[i : i + 1]) for i in range(20)]), whole[:20], rtol=1e-12)


def test_a_frame_with_categories_codes_dates_and_gaps():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "city": rng.choice(["Rome", "Oslo"], 200), "shop": [f"shop {i}" for i in rng.integers(0, 30, 200)],
        "size": rng.normal(size=200), "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(200), "D"),
    })  # fmt: skip
    y = np.where(frame["city"] == "Rome", 5.0, -5.0) + frame["size"]
    frame.loc[::7, "size"] = None
    reg = LossTunedRegressor("mlp:16", loss="mse_loss", epochs=60, random_state=0).fit(frame, y)
    assert reg.feature_names_in_.tolist() == ["city", "shop", "size", "day"]
    assert reg.score(frame, y) > 0.9
    new = frame.iloc[[3, 4]].assign(city=["Rome", "Bonn"], shop=["shop 1", "never seen"])
    rome, bonn = reg.predict(new)
    assert 2 < rome < 8
    assert np.isfinite(bonn)
    with pytest.raises(ValueError, match="feature names should match"):
        reg.predict(frame[["shop", "city", "size", "day"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scikit-learn's: an array has no feature names
        np.testing.assert_allclose(reg.predict(frame.to_numpy(dtype=object)[:5]), reg.predict(frame[:5]), rtol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # 20 rows are few
        few = LossTunedClassifier("linear", random_state=0).fit(frame[:20], np.where(y > 0, "big", "small")[:20])
    assert few.score(frame[:20], np.where(y > 0, "big", "small")[:20]) >= 0.8


def test_a_search_over_a_frame():
    bunch = load_diabetes(as_frame=True)
    frame = bunch.data.assign(sex=np.where(bunch.data["sex"] > 0, "m", "w"))
    reg = LossTunedRegressor(losses=["huber_loss"], **SMALL).fit(frame, bunch.target)
    assert reg.score(frame, bunch.target) > 0.4
    assert reg.result_.task == "regression"
    polars = pytest.importorskip("polars", reason="frames of polars are read where a user has it; dev brings it")
    np.testing.assert_allclose(reg.predict(polars.DataFrame(frame)), reg.predict(frame), rtol=1e-12)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        reg.fit(frame, bunch.target.where(bunch.target > 100))
