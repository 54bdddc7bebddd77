"""`losslab.tune` and `losslab.compare`: the whole way from data to a verdict, in one call."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from losslab.catalog import losses as catalogue
from losslab.data.load import load
from losslab.report.export import write_best_loss
from losslab.report.page import write_page
from losslab.report.store import read_result, write_result
from losslab.search.final import train_winner
from losslab.search.options import Hooks, Options
from losslab.search.own import loss_module
from losslab.search.quota import for_metric
from losslab.search.redraw import nested_comparison
from losslab.search.result import Row, TuneData
from losslab.search.storage import write_study
from losslab.search.study import Study
from losslab.search.watch import deciding
from losslab.spec.record import LossRecord
from losslab.train.lookup import is_own
from losslab.train.loop import Stopped
from losslab.train.saved import SavedModel, load_model


@dataclass
class Best:
    """What the verdict recommends, ready for any PyTorch loop.

    `loss` is an `nn.Module`, its parameters in the target's own unit. `optimizer` has the name and hyperparameters it
    was tuned with, `row` its line of the leaderboard.
    """

    loss: nn.Module
    optimizer: dict[str, Any]
    row: Row


class TuneResult(TuneData):
    """The fields of `result.json` as attributes (see docs/result.md), and what can be done with them."""

    _records: Mapping[str, LossRecord]
    _train: Callable[[], SavedModel] | None = None

    @classmethod
    def of(
        cls, data: TuneData, records: Mapping[str, LossRecord], train: Callable[[], SavedModel] | None = None
    ) -> "TuneResult":
        """train: gives the winner, trained once more."""
        result = cls(**{field.name: getattr(data, field.name) for field in fields(TuneData)})
        result._records, result._train = records, train
        return result

    def __getstate__(self) -> dict[str, Any]:
        """Declared losses go by their names: their rules cannot be pickled."""
        found = {label: record if is_own(record) else record.name for label, record in self._records.items()}
        return {**vars(self), "_records": found, "_train": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._records = {
            label: for_metric(catalogue()[one], self.metric) if isinstance(one, str) else one
            for label, one in self._records.items()
        }

    @cached_property
    def best(self) -> Best:
        """The winner: the default itself where the verdict keeps it."""
        row = next(row for row in self.table if row.role == "loss" and row.loss == self.winner)
        return Best(loss_module(self._records[row.loss], row.params), row.optimizer, row)

    @cached_property
    def trained(self) -> SavedModel:
        """The winner as a model for new rows: one more training on the training part, paid for on first use."""
        if self._train is None:
            raise ValueError(
                "the model is not at hand in a result that was read back: losslab.load_model(folder) has it"
            )
        return self._train()

    def predict(self, data: Any) -> Any:
        """What the winner says about new rows, a DataFrame in their order; see `SavedModel.predict`."""
        return self.trained.predict(data)

    def report(self, path: str | Path, *, include_rows: bool = False) -> Path:
        """Writes the report as one self-contained HTML file; `include_rows` shows targets of rows in it."""
        return write_page(self, path, include_rows=include_rows)

    def save(self, folder: str | Path) -> list[Path]:
        """Writes report.html, result.json, best_loss.py and the winner's model into a folder; returns their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        model = self._save_model(folder)
        row = self.best.row
        record = self._records[row.loss]
        loss = record.rule if is_own(record) else record
        return [
            write_page(self, folder / "report.html"),
            write_best_loss(
                loss, row.params, folder / "best_loss.py", optimizer=row.optimizer, threshold=row.threshold,
                origin=f"{self.data}; {self.model}; {self.metric}",
            ),
            *model,
            write_result(self, folder / "result.json"),  # last: where it is, the study has ended
        ]  # fmt: skip

    def _save_model(self, folder: Path) -> list[Path]:
        """Where the last training breaks, a note says that there is no model; all else is kept."""
        if self._train is None and "trained" not in vars(self):
            return []
        try:
            return self.trained.save(folder)
        except (RuntimeError, FileNotFoundError) as error:  # the latter: a study of an older losslab
            self.notes.append(f"no model is saved: {error}")
            return []

    def __str__(self) -> str:
        return self.verdict


def tune(
    model: Any, data: Any = None, *, metric: Any = None, watch: Any = (), cost: Any = None, trials: int | None = 256,
    budget: str | float | None = None, losses: Any = None, task: str | None = None,
    target: str | Sequence[str] | None = None, validation: Any = None, test: Any = None,
    split_column: str | None = None, drop: str | Sequence[str] = (), group: Any = None, weight: Any = None,
    time_column: Any = None, optimizers: str | Sequence[str] = ("adamw",), epochs: int | Sequence[int] = 20,
    batch_size: int | Sequence[int] = 64, sampler: str = "quasi-random", halving: bool = True, runs: int = 20,
    margin: float = 0.01, nested: int = 0, corrupt_train: float = 0.0, higher_is_better: bool | None = None,
    pretrained: bool = False, engine: str = "auto", device: str = "cpu", seed: int = 0, out: str | Path | None = None,
    resume: bool = False, storage: Any = None, progress: bool = False, hooks: Hooks | None = None, **settings: Any,
) -> TuneResult:  # fmt: skip
    """Finds the loss, with its parameters and optimiser, that is best for a model on data, and says whether it is real.

    model: a name ("mlp", "mlp:128,128", "linear"), an `nn.Module` (a template: weights are drawn anew for each seed,
        unless `pretrained`), a factory, or "file.py:factory".
    data: a name ("digits", ...), a .csv, .parquet, .feather or .npz file, `(X, y)`, a DataFrame of pandas or polars, a
        Dataset or a DataLoader. target: the column to predict, or several; validation, test: data of the same kinds.
    split_column, drop, group, weight, time_column: columns that are no features. Rows of a group stay in one part; a
        weight counts in the training loss only; in the order of time the parts follow each other.
    metric: a name ("balanced_accuracy", "pinball:0.9", ...) or a callable `(prediction, target) -> number`; the default
        is accuracy for classes and rmse for values. It decides; losses are only ways to it.
    watch: metrics that are shown beside it; the task's usual ones, unless given.
    cost: what a wrong answer costs: "fn=10,fp=1", or for several classes {("cat", "dog"): 5} with the true class first.
        Makes the metric "cost", the mean over rows, which decides unless `metric` names another one.
    trials: configurations in all, shared equally by the losses; None compares losses at their defaults.
    budget: "10m": a probe of a few steps decides how many trials that allows, in the place of `trials`.
    losses: names, decorated rules, modules or callables; all that fit the task, unless given. The task's default loss
        always takes part.
    optimizers, epochs, batch_size: a sequence is searched, one value is fixed.
    sampler: quasi-random, random, grid, tpe, gp, cma-es or nsga-ii. halving: members that fall behind stop early.
    runs: retrainings of each finalist for the verdict. margin: of equivalence, as a share of the metric's scale.
    nested: K redraws the outer split K times, with the search inside each (K times the time).
    corrupt_train: the share of training and validation targets to spoil, to see what losses do.
    engine: what trains: "native" (small dense networks on a CPU, whole epochs in one call; see `losslab.plan`),
        "stacked" (many members in one step of PyTorch), "single" (one after the other), or "auto", the fastest that
        fits, which the output names.
    out: a folder for the record of the study, the report, result.json and best_loss.py; `resume` goes on with what is
        there. Without it nothing is written, and no ledger says that the test part was read.
    storage: where Optuna keeps the study: a URL or a journal file; a journal file in `out`, unless given.
    settings: schedule, clip_norm, ema, ... (the fields of `losslab.train.settings.Training`), and width, depth and
        dropout of the model: one value is fixed, several are searched.

    Without data, `model` is a training function of the user's own, `train(run)`: see `losslab.search.own_training.Run`.
    It returns the metric (say `higher_is_better`), and is called once for each of `trials` and `runs` times for each
    finalist; `task` says which losses fit, `target` are its training targets, `lr`, `weight_decay` and `challengers`
    (how many meet the default, 3) go with it. A loss's hopeless trials are pruned where the function reports.

    Returns a `TuneResult`. Raises ValueError or TypeError, in words, for anything that cannot work.
    """
    given = dict(locals())
    if data is None:
        return without_data(given)
    if takes_run(model):
        raise TypeError(f"{model.__name__}(run) is a training function, which brings its own data: leave data out")
    study = study_of(
        model, data, metric=metric, higher_is_better=higher_is_better, hooks=hooks, task=task, target=target,
        validation=validation, test=test, split_column=split_column, drop=drop, group=group, weight=weight,
        time_column=time_column, watch=watch, cost=cost, trials=trials, budget=budget, losses=losses,
        optimizers=optimizers, epochs=epochs, batch_size=batch_size, sampler=sampler, halving=halving, runs=runs,
        margin=margin, seed=seed, corrupt_train=corrupt_train, pretrained=pretrained, engine=engine, device=device,
        out=out, resume=resume, nested=nested, storage=storage, **settings,
    )  # fmt: skip
    if not progress:
        return finish(study)
    from losslab.report.live import watched

    with watched(study):
        return finish(study)


def without_data(given: dict[str, Any]) -> TuneResult:
    """`tune` with a training function of the user's own; `given` are all arguments."""
    from losslab.search.own_verdict import tune_function

    usual = {name: one.default for name, one in inspect.signature(tune).parameters.items()}
    own = {name: value for name, value in given.items() if name not in ("model", "data", "settings")}
    asked = {name: value for name, value in own.items() if value is not usual[name]}
    if "out" in asked:
        asked["out"] = Path(asked["out"])
    data, study = tune_function(given["model"], asked, given["settings"])
    result = TuneResult.of(data, study.records)
    if study.options.out is not None:
        result.save(study.options.out)
    return result


def takes_run(model: Any) -> bool:
    """Whether it is a training function: a plain function whose one argument is called run."""
    return inspect.isfunction(model) and list(inspect.signature(model).parameters) == ["run"]


def compare(model: Any, data: Any, losses: Sequence[Any], *, seeds: int = 10, **options: Any) -> TuneResult:
    """Compares losses at their default parameters and learning rate, without a search: `seeds` retrainings of each.

    Takes the options of `tune`. A loss may lose here because of its learning rate: `tune` is the fair comparison.
    """
    return tune(model, data, losses=losses, trials=None, runs=seeds, **options)


def study_of(
    model: Any, data: Any, *, metric: Any = None, higher_is_better: bool | None = None, hooks: Hooks | None = None,
    task: str | None = None, target: Any = None, validation: Any = None, test: Any = None,
    split_column: str | None = None, drop: str | Sequence[str] = (), group: Any = None, weight: Any = None,
    time_column: Any = None, out: str | Path | None = None, **options: Any,
) -> Study:  # fmt: skip
    """A study that is ready to run, from what `tune` takes; what cannot work is refused here."""
    names = {field.name for field in fields(Options)}
    settings = {name: options.pop(name) for name in list(options) if name not in names}
    chosen_options = Options(**options, settings=settings, out=None if out is None else Path(out))
    table = load(
        data, target=target, task=task, validation=validation, test=test, split_column=split_column, drop=drop,
        group=group, weight=weight, time_column=time_column,
    )  # fmt: skip
    chosen = deciding(metric, chosen_options, table, higher_is_better)
    columns = named_columns(drop, group=group, weight=weight, time=time_column)
    return Study(table, chosen, model, chosen_options, hooks or Hooks(), columns)


def named_columns(drop: Any, **roles: Any) -> dict[str, Any]:
    """Columns that are no features, as a record tells them apart; given values are in the checksum of the data."""
    names = [] if drop is None else drop if np.ndim(drop) else [drop]
    parts = [part.strip() for name in names for part in str(name).split(",")]
    given = {role: value if isinstance(value, str) else "values" for role, value in roles.items() if value is not None}
    return given | ({"drop": sorted(set(parts))} if any(parts) else {})


def finish(study: Study) -> TuneResult:
    """Runs a study to its end and writes what it found; what had ended before is read back."""
    result = ended(study)
    if result is not None:
        study.tidy()  # which a kill may have come before
    else:
        try:
            data = study.run()
            result = TuneResult.of(data, study.records, partial(train_winner, study, data.winner))
        except (Stopped, KeyboardInterrupt, OSError):
            keep_what_ended(study)
            raise
        keep(study, result)
        keep_trials(study)
    if study.options.nested not in (0, (result.nested or {}).get("splits")):
        result.nested = nested_comparison(study, finish)
        keep(study, result)
    return result


def ended(study: Study) -> TuneResult | None:
    """The result of a study that had come to its end, read back. The test part is not read again."""
    out = study.options.out
    if out is None or not study.options.resume or not (out / "result.json").exists():
        return None
    found = read_result(out)
    if found.status != "finished":
        return None
    model = None if isinstance(study.model, str) else study.model
    return TuneResult.of(found, study.records, partial(load_model, out, model))


def keep_what_ended(study: Study) -> None:
    """Of a study that was stopped, the result so far and its report; `resume` puts the whole one in their place."""
    out, data = study.options.out, study.so_far()
    if out is None or data is None:
        return
    with suppress(OSError):  # a full disk has been told of already
        write_page(data, out / "report.html")
        write_result(data, out / "result.json")


def keep(study: Study, result: TuneResult) -> None:
    """Writes the result into the study's folder, if it has one."""
    if study.options.out is not None:
        result.save(study.options.out)
        study.tidy()


def keep_trials(study: Study) -> None:
    """Writes the trials, in bulk, to where Optuna's tools can open them."""
    out = study.options.out
    place = study.options.storage or (out and out / "optuna.log")
    if place is None:
        return
    write_study(
        place, out.name if out else f"losslab {study.table.name}", study.stage.outcomes, study.spaces,
        higher_is_better=study.metric.higher_is_better,
        attributes={"metric": study.metric.name, "data": study.data.data},
    )  # fmt: skip
