"""scikit-learn estimators that search for the loss they are trained with."""

import warnings
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from losslab.data.arrays import is_frame
from losslab.data.columns import encode
from losslab.data.encode import Encoding
from losslab.data.kinds import as_pandas
from losslab.data.load import load
from losslab.data.table import Table, Task, as_float
from losslab.metrics.record import Needs
from losslab.metrics.registry import default_metric
from losslab.metrics.registry import get as get_metric
from losslab.search.own import loss_module
from losslab.search.quota import candidates
from losslab.search.refit import Trained, default_record, head_width, train_on_all
from losslab.search.tune import TuneResult, finish, study_of
from losslab.spec.record import LossRecord
from losslab.train.lookup import head_of

FEWEST_ROWS = 100  # with fewer, a fifth of them says nothing about which loss is better
FEWEST_OF_A_CLASS = 5  # so that each part has one
LEAST_STEPS = 300  # of a training that no search has chosen the epochs of


class LossTuned(BaseEstimator):
    """What the classifier and the regressor share: see `LossTunedClassifier`."""

    def __init__(
        self, model: Any = "mlp", *, loss: Any = "tune", losses: Any = None, metric: Any = None, trials: int = 48,
        optimizers: Any = "adamw", epochs: Any = 20, batch_size: Any = 32, sampler: str = "quasi-random",
        runs: int = 8, margin: float = 0.01, settings: dict[str, Any] | None = None, engine: str = "auto",
        device: str = "cpu", random_state: Any = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.loss = loss
        self.losses = losses
        self.metric = metric
        self.trials = trials
        self.optimizers = optimizers
        self.epochs = epochs
        self.batch_size = batch_size
        self.sampler = sampler
        self.runs = runs
        self.margin = margin
        self.settings = settings
        self.engine = engine
        self.device = device
        self.random_state = random_state

    def _checked(self, X: Any, y: Any, y_numeric: bool = False) -> tuple[Any, np.ndarray]:
        """Rows and targets as scikit-learn checks them. A DataFrame stays one: it may hold categories, dates, gaps."""
        X = as_pandas(X)
        if not is_frame(X):
            return validate_data(self, X, y, dtype=np.float64, y_numeric=y_numeric, ensure_min_samples=2)
        validate_data(self, X, skip_check_array=True)
        check_consistent_length(X, y)
        if len(X) < 2:
            raise ValueError(f"X has n_samples={len(X)}: at least 2 are needed")
        y = column_or_1d(y, dtype=np.float64 if y_numeric else None, warn=True)
        assert_all_finite(y, input_name="y")
        return X, y

    def _fit(self, X: Any, y: np.ndarray, task: Task) -> None:
        """Searches where there is enough to compare with, else trains with one loss; then trains on all rows."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.result_: TuneResult | None = None
        few = too_few(y, task)
        if isinstance(self.loss, str) and self.loss == "tune" and not few:
            table = load((X, y), task=task)
            record, how = self._search(table, seed)
        else:
            table = table_of(X, y, task)
            record, how = self._one_loss(table, few)
        self._encoding: Encoding | None = table.encoding
        self._columns = list(X.columns) if is_frame(X) else None
        engine = "single" if self.engine == "single" else "untimed"
        self._trained: Trained = train_on_all(
            table, self.model, record, seed=seed, engine=engine, device=self.device, **how
        )
        self.n_iter_ = self._trained.epochs

    def _search(self, table: Table, seed: int) -> tuple[LossRecord, dict[str, Any]]:
        """The winner of a study of these rows, and how to train it."""
        study = study_of(
            self.model, table, metric=self.metric, losses=self._losses(table), trials=self.trials,
            optimizers=self.optimizers, epochs=self.epochs, batch_size=self.batch_size, sampler=self.sampler,
            runs=self.runs, margin=self.margin, engine="untimed" if self.engine == "auto" else self.engine,
            device=self.device, seed=seed, baselines=False,
            untuned=False, **(self.settings or {}),
        )  # fmt: skip
        self.result_ = finish(study)
        row = self.result_.best.row
        self.best_loss_, self.verdict_ = self.result_.best.loss, self.result_.verdict
        how = {"epochs": study.options.most_epochs, "batch_size": study.options.first_batch_size}
        settings = {"settings": row.settings} if row.settings else {}
        return study.records[row.loss], {**how, **settings, "params": row.params, "optimizer": row.optimizer}

    def _one_loss(self, table: Table, few: str) -> tuple[LossRecord, dict[str, Any]]:
        """The loss that was asked for, or the default where there are too few rows to find another."""
        asked = None if isinstance(self.loss, str) and self.loss == "tune" else self.loss
        record = default_record(table, self.model, asked)
        self.verdict_ = f"Trained with {record.name}, as asked: no loss was compared."
        if asked is None:
            self.verdict_ = f"Keep {record.name}. Undecided: {few}."
            warnings.warn(f"{type(self).__name__}: {few}; trained with {record.name}", UserWarning, stacklevel=4)
        settings = {name: first(value) for name, value in (self.settings or {}).items()}
        how = {
            "epochs": int(first(self.epochs)), "batch_size": int(first(self.batch_size)), "settings": settings,
            "optimizer": first(self.optimizers), "least_steps": 0 if asked else LEAST_STEPS,
        }  # fmt: skip
        self.best_loss_ = loss_module(record, {})
        return record, how

    def _losses(self, table: Table) -> Any:
        """The losses of the search: those named, or all that fit."""
        return self.losses

    def _read(self, X: Any, needs: Needs) -> np.ndarray:
        check_is_fitted(self)
        if self._encoding is None:
            values = np.ascontiguousarray(validate_data(self, X, reset=False, dtype=np.float64))
        else:
            values = self._encoding.apply(self._as_frame(X))
        found: np.ndarray = self._trained.read(torch.from_numpy(values), needs).numpy()
        return found

    def _as_frame(self, X: Any) -> Any:
        """Rows as the DataFrame that `fit` saw."""
        X = as_pandas(X)
        if is_frame(X):
            validate_data(self, X, reset=False, skip_check_array=True)
            return X
        import pandas as pd

        values = validate_data(self, X, reset=False, dtype=None, ensure_all_finite=False)
        return pd.DataFrame(values, columns=self._columns)


def gives_probability(estimator: LossTuned) -> bool:
    """Whether the loss that was found trains probabilities; before `fit` nothing speaks against it."""
    trained = getattr(estimator, "_trained", None)
    if trained is not None and trained.link == "arg-max":
        raise AttributeError(
            f"{type(estimator).__name__} was trained with {estimator.best_loss_}, which gives no probabilities: use "
            "decision_function, or leave such losses out of losses="
        )
    return True


class LossTunedClassifier(ClassifierMixin, LossTuned):
    """A network whose loss is chosen by a search, as a scikit-learn classifier.

        clf = losslab.LossTunedClassifier(metric="balanced_accuracy", random_state=0).fit(X, y)
        clf.predict(X_new); clf.verdict_; clf.best_loss_

    `fit` runs `losslab.tune` on a split of the rows that it is given, and trains the winner on all of them. Fewer than
    100 rows, or than 5 of a class, are too few to compare losses on: then the task's default loss is trained, and a
    warning and `verdict_` say so.

    Parameters
    ----------
    model : a name ("mlp", "mlp:128,128", "linear"), an nn.Module, a factory or "file.py:factory".
    loss : "tune" searches; a loss (name, decorated rule, module or callable) is trained with at its defaults, without a
        search: `GridSearchCV(LossTunedClassifier(), {"loss": ["cross_entropy", "focal_loss"]})`.
    losses : those that take part in the search; all that fit the task and give probabilities, unless given.
    metric, trials, optimizers, epochs, batch_size, sampler, runs, margin, device : as in `losslab.tune`.
    settings : further settings of `losslab.tune`, as a dict: {"schedule": "cosine", "dropout": [0.0, 0.2]}.
    engine : as in `losslab.tune`, but that "auto" measures nothing, so that two fits are equal: "native" where it fits
        and the network is narrow, else "stacked", else "single".
    random_state : an integer, a RandomState or None: of the split, the search and the weights.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_ : as everywhere in scikit-learn.
    best_loss_ : the loss that the network was trained with, an nn.Module for any PyTorch loop.
    verdict_ : the verdict on it, in words.
    result_ : the `TuneResult` of the search; None where there was none.
    n_iter_ : epochs of the last training.

    `predict` takes the class of the largest probability; thresholds that the study fitted are in `result_.best.row`
    (scikit-learn's `TunedThresholdClassifierCV` fits one around any classifier).
    """

    def fit(self, X: Any, y: Any) -> Self:
        """X (n, D), labels y (n,) of any kind. Raises ValueError for one class, or numbers that are no labels.

        X: numbers, or a DataFrame, whose categories and dates are encoded and whose missing values are filled.
        """
        X, y = self._checked(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class, {self.classes_[0]!r}: a classifier needs at least two")
        self._fit(X, codes, "binary" if len(self.classes_) == 2 else "multiclass")
        return self

    def _losses(self, table: Table) -> Any:
        if self.losses is not None:
            return self.losses
        metric = get_metric(default_metric(table.task) if self.metric is None else self.metric, table.task)
        width = head_of(table.task, head_width(table, self.model))
        found = candidates(table.task, metric=metric.name, outputs=width).losses
        return [record for record in found if record.link != "arg-max"]

    def predict(self, X: Any) -> np.ndarray:
        """The class (n,) of each row."""
        codes = self._read(X, "label")
        found: np.ndarray = self.classes_[codes]
        return found

    @available_if(gives_probability)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability (n, C) of each class, in the order of `classes_`."""
        return self._read(X, "probability")

    def decision_function(self, X: Any) -> np.ndarray:
        """Two classes: a score (n,), above zero for `classes_[1]`. More: a score (n, C) of each."""
        return self._read(X, "score")


class LossTunedRegressor(RegressorMixin, LossTuned):
    """A network whose loss is chosen by a search, as a scikit-learn regressor.

        reg = losslab.LossTunedRegressor(metric="mae", random_state=0).fit(X, y)

    Parameters and attributes are those of `LossTunedClassifier`, but for classes and probabilities. Targets are
    standardised on the training rows; predictions and the parameters of `best_loss_` are in the target's own unit.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """X (n, D) and numbers y (n,); X as for the classifier."""
        X, y = self._checked(X, y, y_numeric=True)
        self._fit(X, y, "regression")
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The value (n,) of each row, in the target's own unit."""
        return self._read(X, "value")


def too_few(y: np.ndarray, task: Task) -> str:
    """Why losses cannot be compared on these targets, in words, or nothing."""
    if len(y) < FEWEST_ROWS:
        return f"{len(y)} rows are too few to compare losses on; {FEWEST_ROWS} are needed"
    if task == "regression":
        return "" if len(np.unique(y.astype(np.float32))) > 1 else f"y is {y[0]:g} in all rows: nothing to compare"
    smallest = int(np.bincount(y).min())
    if smallest < FEWEST_OF_A_CLASS:
        few = f"{smallest} row{'' if smallest == 1 else 's'} of one class"
        return f"{few} {'is' if smallest == 1 else 'are'} too few to compare losses on; {FEWEST_OF_A_CLASS} are needed"
    return ""


def table_of(X: Any, y: np.ndarray, task: Task) -> Table:
    """Rows as they are, however few."""
    encoding, levels = None, dict[int, int]()
    if is_frame(X):
        X, encoding, _ = encode(X)
        levels = encoding.levels
    classes = () if task == "regression" else tuple(map(str, range(int(y.max()) + 1)))
    target = torch.from_numpy(y.astype(np.float32 if task == "regression" else np.int64))
    return Table("data", as_float(X), target, task, "as given", classes=classes, encoding=encoding, levels=levels)


def first(value: Any) -> Any:
    """One value, where a setting is a choice of several: the first."""
    return value[0] if isinstance(value, list | tuple) else value
