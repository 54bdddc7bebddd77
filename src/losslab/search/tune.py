"""`losslab.tune` and `losslab.compare`: the whole way from data to a verdict, in one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from losslab.data.load import load
from losslab.metrics.registry import default_metric
from losslab.metrics.registry import get as get_metric
from losslab.train.lookup import is_own
from losslab.search.result import Row, TuneData
from losslab.search.study import Hooks, Options, Study
from losslab.spec.module import module
from losslab.spec.record import LossRecord


@dataclass
class Best:
    """What the verdict recommends, ready for any PyTorch loop.

    `loss` is an `nn.Module`, its parameters in the target's own unit. `optimizer` has the name and hyperparameters it was
    tuned with, `row` its line of the leaderboard.
    """

    loss: nn.Module
    optimizer: dict[str, Any]
    row: Row


@dataclass
class TuneResult(TuneData):
    """The fields of `result.json` as attributes (see docs/result.md), and what can be done with them."""

    records: ClassVar[Mapping[str, LossRecord]] = {}

    def __post_init__(self) -> None:
        self._records: dict[str, LossRecord] = {}

    @classmethod
    def of(cls, data: TuneData, records: Mapping[str, LossRecord]) -> "TuneResult":
        result = cls(**{field.name: getattr(data, field.name) for field in fields(TuneData)})
        result._records = dict(records)
        return result

    @cached_property
    def best(self) -> Best:
        """The winner: the default itself where the verdict keeps it."""
        row = next(row for row in self.table if row.role == "loss" and row.loss == self.winner)
        return Best(loss_module(self._records[row.loss], row.params), row.optimizer, row)

    def report(self, path: str | Path, *, include_rows: bool = False) -> Path:
        """Writes the report as one self-contained HTML file; `include_rows` shows targets of rows in it."""
        from losslab.report.page import write_page

        return write_page(self, path, include_rows=include_rows)

    def save(self, folder: str | Path) -> list[Path]:
        """Writes report.html, result.json and best_loss.py into a folder; returns their paths."""
        from losslab.report.export import write_best_loss
        from losslab.report.page import write_page
        from losslab.report.store import write_result

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        row = self.best.row
        record = self._records[row.loss]
        loss = record.rule if is_own(record) else record
        return [
            write_page(self, folder / "report.html"),
            write_result(self, folder / "result.json"),
            write_best_loss(
                loss, row.params, folder / "best_loss.py", optimizer=row.optimizer, threshold=row.threshold,
                origin=f"{self.data}; {self.model}; {self.metric}",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.verdict}"


def loss_module(record: LossRecord, params: Mapping[str, Any]) -> nn.Module:
    """A loss as a module; a user's own is wrapped where it is a plain function."""
    if not is_own(record):
        return module(record)(**params)
    return record.rule if isinstance(record.rule, nn.Module) else OwnLoss(record.rule)


class OwnLoss(nn.Module):
    """A user's own callable `(input, target)` as a module: its mean."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, input: Any, target: Any) -> Any:
        return self.function(input, target).mean()


def tune(
    model: Any, data: Any, *, metric: Any = None, trials: int = 256, losses: Any = None, task: str | None = None,
    target: str | None = None, validation: Any = None, test: Any = None, split_column: str | None = None,
    optimizers: Sequence[str] = ("adamw",), epochs: int | Sequence[int] = 20, batch_size: int | Sequence[int] = 64,
    sampler: str = "quasi-random", halving: bool = True, runs: int = 20, margin: float = 0.01, nested: int = 0,
    corrupt_train: float = 0.0, higher_is_better: bool | None = None, pretrained: bool = False, engine: str = "auto",
    device: str = "cpu", seed: int = 0, out: str | Path | None = None, resume: bool = False, storage: Any = None,
    progress: bool = False, hooks: Hooks | None = None,
) -> TuneResult:  # fmt: skip
    """Finds the loss, with its parameters and optimiser, that is best for a model on data, and says whether it is real.

    model: a name ("mlp", "mlp:128,128", "linear"), an `nn.Module` (a template: weights are drawn anew for each seed, unless
        `pretrained`), a factory, or "file.py:factory".
    data: a name ("digits", ...), a .csv file with `target`, `(X, y)`, a DataFrame, a Dataset or a DataLoader.
    metric: a name ("balanced_accuracy", "pinball:0.9", ...) or a callable `(prediction, target) -> number`; the default is
        accuracy for classes and rmse for values. It decides; losses are only ways to it.
    trials: configurations in all, shared equally by the losses. losses: names, decorated rules, modules or callables; the
        default is all that fit the task. The task's default loss always takes part.
    optimizers, epochs, batch_size: a sequence is searched, one value is fixed.
    sampler: quasi-random, random, grid, tpe, gp, cma-es or nsga-ii. halving: members that fall behind stop early.
    runs: retrainings of each finalist for the verdict. margin: of equivalence, as a share of the metric's scale.
    nested: K redraws the outer split K times, with the search inside each (K times the time).
    corrupt_train: the share of training and validation targets to spoil, to see what losses do.
    out: a folder for the record of the study, the report, result.json and best_loss.py; `resume` goes on with what is there.
    storage: where Optuna keeps the study: a URL or a journal file; the default is a journal file in `out`.

    Returns a `TuneResult`. Raises ValueError or TypeError, in words, for anything that cannot work.
    """
    # A plain call without `out` leaves no files behind: then the test part's ledger is the caller's own memory.
    table = load(data, target=target, task=task, validation=validation, test=test, split_column=split_column)
    chosen = get_metric(default_metric(table.task) if metric is None else metric, table.task, higher_is_better)
    options = Options(
        trials=trials, losses=losses, optimizers=optimizers, epochs=epochs, batch_size=batch_size, sampler=sampler,
        halving=halving, runs=runs, margin=margin, seed=seed, corrupt_train=corrupt_train, pretrained=pretrained,
        engine=engine, device=device, out=Path(out) if out is not None else None, resume=resume,
    )  # fmt: skip
    study = Study(table, chosen, model, options, hooks or Hooks())
    if progress:
        from losslab.report.live import watched

        with watched(study):
            return finish(study, nested=nested, storage=storage)
    return finish(study, nested=nested, storage=storage)


def compare(model: Any, data: Any, losses: Sequence[Any], *, seeds: int = 10, **options: Any) -> TuneResult:
    """Compares losses at their default parameters, without a search: `seeds` retrainings each, one verdict.

    Takes the options of `tune`. Untuned losses are compared here: a loss may lose because of its learning rate.
    """
    from losslab.search.quota import candidates

    table = load(
        data, **{name: options.pop(name, None) for name in ("target", "task", "validation", "test", "split_column")}
    )
    count = len(candidates(table.task, losses, metric=options.get("metric")).losses)
    return tune(model, table, losses=losses, trials=count, runs=seeds, **options)


def finish(study: Study, *, nested: int = 0, storage: Any = None) -> TuneResult:
    """Runs a study to its end and writes what it found; a study that had ended is read back."""
    out = study.options.out
    if out is not None and study.options.resume and (out / "result.json").exists():
        from losslab.report.store import read_result

        study.check_same()
        return TuneResult.of(read_result(out), study.records)
    data = study.run()
    if nested:
        from losslab.search.redraw import nested_comparison

        data.nested = nested_comparison(study, nested)
    result = TuneResult.of(data, study.records)
    if out is not None or storage is not None:
        keep_study(study, storage)
    if out is not None:
        result.save(out)
    return result


def keep_study(study: Study, storage: Any) -> None:
    """Writes the trials, in bulk, to where Optuna's tools can open them."""
    from losslab.search.storage import write_study

    out = study.options.out
    place = storage if storage is not None else out / "optuna.log" if out is not None else None
    name = out.name if out is not None else f"losslab {study.table.name}"
    write_study(
        place, name, study.stage.outcomes, study.spaces, higher_is_better=study.metric.higher_is_better,
        attributes={"metric": study.metric.name, "data": study.data.data},
    )  # fmt: skip
