"""Everything is fitted on the training rows, and equal to scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from losslab.data.prepare import apply_features, fit_features, prepare
from losslab.data.split import split
from losslab.data.table import Table


@pytest.fixture
def table():
    rng = np.random.default_rng(5)
    X = rng.normal([1, -40, 0, 7], [2, 30, 0.1, 1], size=(50, 4)).astype(np.float32)
    X[:, 3] = 7
    X[[2, 8, 33], 1] = np.nan
    X[[3], 2] = np.nan
    return Table("t", torch.tensor(X), torch.tensor(rng.normal(30, 4, 50), dtype=torch.float32), "regression", "")


ROWS = torch.tensor([0, 2, 3, 5, 8, 13, 21, 34, 40, 41])


def test_equals_scikit_learn_fitted_on_the_rows(table):
    X, rows = table.X.numpy().astype(np.float64), ROWS.numpy()
    imputer = SimpleImputer(strategy="median", add_indicator=False).fit(X[rows])
    filled = np.hstack([imputer.transform(X), np.isnan(X[:, [1, 2]])])
    wanted = StandardScaler().fit(filled[rows]).transform(filled)
    found = prepare(table, ROWS)
    assert found.X.dtype == torch.float32
    assert np.allclose(found.X.numpy(), wanted, atol=1e-5)


def test_by_hand():
    X = torch.tensor([[1.0, 5.0], [3.0, 5.0], [float("nan"), 5.0], [100.0, 9.0]])
    table = Table("t", X, torch.tensor([1.0, 2.0, 6.0, 50.0]), "regression", "")
    found = prepare(table, torch.tensor([0, 1, 2]))
    # column 0: filled with 2, mean 2, standard deviation sqrt(2/3); column 1 constant; indicator: mean 1/3, sqrt(2)/3
    assert found.X[:, 0].tolist() == pytest.approx([-1.2247, 1.2247, 0, 120.025], abs=1e-3)
    assert found.X[:, 1].tolist() == [0, 0, 0, 4]
    assert found.X[:, 2].tolist() == pytest.approx([-0.7071, -0.7071, 1.4142, -0.7071], abs=1e-4)
    # targets 1, 2, 6: mean 3, standard deviation sqrt(14/3); deviations from the median: 1, 0, 4
    assert (found.y_mean, found.y_scale) == pytest.approx((3, 2.1602), abs=1e-4)
    assert found.y.tolist() == pytest.approx([-0.9258, -0.4629, 1.3887, 21.7570], abs=1e-3)
    assert found.y_mad == pytest.approx(1 / 2.1602, abs=1e-4)


def test_other_rows_change_nothing_that_is_fitted(table):
    """A scaler fitted on all rows fails here."""
    first = prepare(table, ROWS)
    others = torch.ones(50, dtype=torch.bool)
    others[ROWS] = False
    X, y = table.X.clone(), table.y.clone()
    X[others], y[others] = X[others] * 9 + 1000, y[others] * 9 + 1000
    second = prepare(Table("t", X, y, "regression", ""), ROWS)
    assert all(torch.equal(first.fitted[key], second.fitted[key]) for key in first.fitted)
    assert (first.y_mean, first.y_scale, first.y_mad) == (second.y_mean, second.y_scale, second.y_mad)
    assert torch.equal(first.X[ROWS], second.X[ROWS])
    assert torch.equal(first.y[ROWS], second.y[ROWS])
    assert not torch.equal(first.X[others], second.X[others])


def test_the_width_is_the_same_for_every_choice_of_rows(table):
    assert prepare(table, ROWS).X.shape == prepare(table, torch.arange(40, 50)).X.shape == (50, 6)


def test_a_column_that_is_missing_in_all_training_rows(table):
    X = table.X.clone()
    X[:30, 2] = float("nan")
    found = prepare(Table("t", X, table.y, "regression", ""), torch.arange(30))
    assert found.X.isfinite().all()


def test_targets_go_back_to_their_own_unit_and_may_be_replaced(table):
    spoiled = table.y.clone()
    spoiled[ROWS[:3]] += 500
    found = prepare(table, ROWS, y=spoiled)
    assert torch.allclose(found.y * found.y_scale + found.y_mean, spoiled, rtol=1e-5)
    assert found.y_mean == pytest.approx(spoiled[ROWS].mean().item(), rel=1e-6)


def test_half_of_the_targets_equal():
    y = torch.tensor([2.0] * 6 + [3.0, 9.0])
    found = prepare(Table("t", torch.rand(8, 1), y, "regression", ""), torch.arange(8))
    assert found.y_mad == 1.0


def test_classes_and_images_are_left_alone():
    y = torch.tensor([0, 1] * 20)
    images = torch.rand(40, 2, 3)
    found = prepare(Table("t", images, y, "binary", "", tabular=False), torch.arange(20))
    assert torch.equal(found.X, images)
    assert torch.equal(found.y, y)
    assert (found.y_mean, found.y_scale, found.y_mad) == (0, 1, 1)


def test_the_table_is_not_changed(table):
    before = table.X.clone()
    prepare(table, split(table).train)
    assert torch.equal(before.nan_to_num(9e9), table.X.nan_to_num(9e9))


def test_new_rows_are_prepared_as_those_of_training(table):
    found = prepare(table, ROWS)
    assert torch.equal(apply_features(table.X, found.fitted), found.X)
    for row in (2, 3, 40):
        assert torch.equal(apply_features(table.X[[row]], found.fitted), found.X[[row]])


def test_new_gaps_in_a_column_that_had_none_become_its_mean(table):
    """0 on the scale of the network, and no indicator. Column 0 has one, and its median and an indicator."""
    X = torch.tensor([[1.0, 5.0], [3.0, 9.0], [float("nan"), 7.0], [100.0, 9.0]])
    fitted = fit_features(X, torch.tensor([0, 1, 2]))
    assert fitted["fill"].tolist() == [2, 7]
    found = apply_features(torch.tensor([[3.0, float("nan")]]), fitted)
    assert found[0].tolist() == pytest.approx([1.2247, 0, -0.7071], abs=1e-4)


def test_codes_stay_as_they_are(table):
    X = table.X.clone()
    X[:, 0] = torch.arange(50) % 30
    coded = Table("t", X, table.y, "regression", "", levels={0: 31})
    found = prepare(coded, ROWS)
    assert torch.equal(found.X[:, 0], X[:, 0])
    assert torch.equal(found.X[:, 1:], prepare(table, ROWS).X[:, 1:])
