"""What a network is measured against: gradient boosting, a linear model, and the majority class or the mean."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, nll_loss, one_hot

from losslab.data.table import CLASSES, Prepared
from losslab.search.problem import Problem
from losslab.train.member import key

MOST_CELLS = 20_000_000  # rows x columns x outputs beyond which boosting would take longer than the search
MOST_LINEAR = 10_000_000  # the same for the linear model, which then sees a sample of the rows
FEWEST_ROWS = 200  # of such a sample
MOST_CATEGORIES = 255  # that gradient boosting takes as such
PENALTIES = (0.1, 1.0, 10.0, 100.0)  # on the weights of a linear model, chosen on validation
ABOVE = 1e3  # a prediction on a log scale is cut at this multiple of the largest training target
GRADIENT_BOOSTING, LINEAR = "not a network: gradient boosting", "not a network: linear"
Array = NDArray[Any]


@dataclass(frozen=True)
class Baseline:
    """Raw outputs on validation and test rows, as a network with this link would give them.

    Classes: log-probabilities (n, C) with link "softmax". Several labels: log odds (n, T), link "sigmoid". Values:
    (n, 1) or (n, T) in the target's own unit, link "identity".
    """

    name: str
    link: str
    validation: Tensor
    test: Tensor


def baselines(problem: Problem, seed: int = 0, prepared: Prepared | None = None) -> tuple[list[Baseline], list[str]]:
    """The baselines, fitted on the training part once, and notes on those that were left out.

    prepared: the table as the training part prepares it; prepared here, unless given.
    """
    found, notes = [], []
    cells = problem.table.X.numel() * outputs_of(problem)
    if problem.table.X.dim() != 2:
        notes.append("gradient boosting is left out: the data is no table")
    elif cells > MOST_CELLS:
        notes.append("gradient boosting is left out: the table is too large for a quick fit")
    else:
        found.append(boosting(problem, seed))
    straight, more = linear(problem, problem.prepare(problem.split.train) if prepared is None else prepared, seed)
    return [*found, *straight, constant(problem)], [*notes, *more]


def outputs_of(problem: Problem) -> int:
    """The numbers that are predicted for a row."""
    return problem.table.y.shape[1] if problem.table.y.dim() == 2 else problem.classes


def boosting(problem: Problem, seed: int) -> Baseline:
    """Histogram gradient boosting of scikit-learn, on the table as it is: it needs no scaling and takes gaps."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    table = problem.table
    categories = [column for column, levels in table.levels.items() if levels <= MOST_CATEGORIES]
    settings: dict[str, Any] = {
        "learning_rate": 0.2, "max_leaf_nodes": 15, "early_stopping": False, "random_state": seed,
        "categorical_features": categories or None,
    }  # fmt: skip
    loss = {"count": "poisson", "positive": "gamma"}.get(table.task, "squared_error")

    def make(classes: bool) -> Any:
        if classes:
            return HistGradientBoostingClassifier(**settings)
        return HistGradientBoostingRegressor(loss=loss, **settings)

    return fitted(GRADIENT_BOOSTING, problem, table.X.numpy(), problem.split.train, make)


def linear(problem: Problem, prepared: Prepared, seed: int) -> tuple[list[Baseline], list[str]]:
    """A linear model on standardised columns: logistic, of squares, or on a log scale for counts and sizes.

    The penalty on its weights is the one that is best on validation. Codes of categories become a column each.
    """
    from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, Ridge

    table, train = problem.table, problem.split.train
    width = prepared.X[0].numel() + sum(table.levels.values())
    most = MOST_LINEAR // max(width * outputs_of(problem), 1)
    if most < min(FEWEST_ROWS, len(train)):
        return [], [f"the linear baseline is left out: {width:,} columns are too many for a quick fit"]
    notes = []
    if most < len(train):
        notes.append(f"the linear baseline was fitted on {most:,} of {len(train):,} training rows, drawn at random")
        generator = torch.Generator().manual_seed(key("linear", seed))
        train = train[torch.randperm(len(train), generator=generator)[:most].sort().values]
    on_log_scale = {"count": PoissonRegressor, "positive": GammaRegressor}.get(table.task)

    def make(classes: bool, penalty: float) -> Any:
        if classes:
            return LogisticRegression(C=1 / penalty, max_iter=200)
        if on_log_scale is not None:
            return on_log_scale(alpha=penalty / len(train), max_iter=200)
        return Ridge(alpha=penalty)

    X, target = straightened(prepared.X, table.levels, train), problem.y_seen[problem.split.validation]
    tried = [fitted(LINEAR, problem, X, train, partial(make, penalty=penalty)) for penalty in PENALTIES]
    return [min(tried, key=lambda one: misfit(one.validation, target, table.task))], notes


def straightened(X: Tensor, levels: Mapping[int, int], train: Tensor) -> Array:
    """Flat rows with columns of mean 0 and deviation 1 on the training rows; codes become a column for each level."""
    flat = X.flatten(1).double()
    plain = [column for column in range(flat.shape[1]) if column not in levels]
    codes = [one_hot(flat[:, column].long(), count) for column, count in levels.items()]
    wide = torch.cat([flat[:, plain], *codes], 1).numpy()
    mean, scale = wide[train].mean(0), wide[train].std(0)
    return np.asarray((wide - mean) / np.where(scale > 0, scale, 1.0))


def fitted(name: str, problem: Problem, X: Array, train: Tensor, make: Callable[[bool], Any]) -> Baseline:
    """A model of scikit-learn, `make(whether the target is classes)`, one for each column of a target with several.

    Its threads wait actively for each other: next to torch's, on few cores, that is many times slower than one thread.
    """
    from threadpoolctl import threadpool_limits

    y, rows, task = problem.y_seen.numpy(), [part.numpy() for part in held_out(problem)], problem.table.task
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that stopped a little early is good enough here
        if task in CLASSES:
            model = make(True).fit(X[train], y[train])
            parts = [full_log_probabilities(model.predict_proba(X[r]), model.classes_, problem.classes) for r in rows]
            return Baseline(name, "softmax", *parts)
        columns = [y] if y.ndim == 1 else list(y.T)
        if task == "multilabel":
            odds = [log_odds(make, X, column.astype(np.int64), train.numpy(), rows) for column in columns]
            return Baseline(name, "sigmoid", *(torch.stack(part, -1) for part in zip(*odds, strict=True)))
        models = [make(False).fit(X[train], column[train]) for column in columns]
        values = [np.stack([model.predict(X[r]) for model in models], -1) for r in rows]
    if task in ("count", "positive"):
        values = [value.clip(None, ABOVE * y[train].max()) for value in values]
    return Baseline(name, "identity", *(torch.from_numpy(value).float() for value in values))


def log_odds(make: Callable[[bool], Any], X: Array, y: Array, train: Array, rows: Sequence[Array]) -> list[Tensor]:
    """Log odds of a yes for each list of rows; where the training rows have one answer only, always that one."""
    if len(np.unique(y[train])) == 1:
        return [torch.full((len(r),), 20.0 if y[train][0] else -20.0) for r in rows]
    model = make(True).fit(X[train], y[train])
    yes = [torch.from_numpy(model.predict_proba(X[r])[:, 1]) for r in rows]
    return [share.clamp(1e-12, 1 - 1e-12).logit().float() for share in yes]


def misfit(output: Tensor, target: Tensor, task: str) -> float:
    """What a linear model is chosen by: log loss, or the squared error."""
    if task in CLASSES:
        return float(nll_loss(output, target))
    if task == "multilabel":
        return float(binary_cross_entropy_with_logits(output, target))
    return float((output - target.reshape(len(target), -1)).square().mean())


def held_out(problem: Problem) -> tuple[Tensor, Tensor]:
    return problem.split.validation, problem.split.test


def full_log_probabilities(probabilities: Array, present: Array, classes: int) -> Tensor:
    """Log-probabilities (n, C), with a column for classes that the training part did not have."""
    full = np.zeros((len(probabilities), classes))
    full[:, present] = probabilities
    return torch.from_numpy(np.log(full.clip(1e-12))).float()


def constant(problem: Problem) -> Baseline:
    """The class frequencies of the training part for every row, or its mean."""
    y, task = problem.y_seen[problem.split.train], problem.table.task
    if task in CLASSES:
        shares = torch.bincount(y, minlength=problem.classes).double() / len(y)
        name, link, row = "majority class", "softmax", shares.clamp_min(1e-12).log().float()
    elif task == "multilabel":
        name, link, row = (
            "majority of each label",
            "sigmoid",
            y.double().mean(0).clamp(1e-12, 1 - 1e-12).logit().float(),
        )
    else:
        name, link, row = "mean", "identity", y.mean(0).reshape(-1)
    return Baseline(name, link, *(row.expand(len(part), -1) for part in held_out(problem)))
