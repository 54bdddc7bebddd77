"""Which losses serve a task: those declared for it, and for some tasks those of a simpler one, column by column.

A loss of one number for each row serves several columns as well; one of real numbers serves counts and positive
amounts, whose training targets are divided by their mean; one of classes serves classes that have an order.
"""

from losslab.spec.interval import NON_NEGATIVE, POSITIVE, REAL, Interval
from losslab.spec.record import Kind, LossRecord, Task

SIMPLER: dict[Task, tuple[Task, Kind]] = {
    "multilabel": ("binary", "pointwise"),
    "multioutput": ("regression", "pointwise"),
    "count": ("regression", "pointwise"),
    "positive": ("regression", "pointwise"),
    "ordinal": ("multiclass", "rowwise"),
}
TARGETS: dict[Task, Interval] = {"multioutput": REAL, "count": NON_NEGATIVE, "positive": POSITIVE}


def simpler(task: Task) -> Task:
    """The task that is this one for a single row and column: "regression" of "count"; else the task itself."""
    return SIMPLER.get(task, (task,))[0]


def serves(record: LossRecord, task: Task) -> bool:
    """Whether the loss can be called with the targets of the task."""
    if task in record.tasks:
        return True
    simpler, kind = SIMPLER.get(task, (task, record.kind))
    wanted = TARGETS.get(task)
    takes = wanted is None or (record.target_domain.low <= wanted.low and record.target_domain.high >= wanted.high)
    return simpler != task and simpler in record.tasks and record.kind == kind and not record.untunable and takes


def tunable(record: LossRecord, task: Task | None = None) -> bool:
    """Whether `fit` and a search can train with it; for some task, unless one is named."""
    return not record.untunable or (bool(record.tunable_as) if task is None else task in record.tunable_as)


def usual(record: LossRecord, task: Task | None = None) -> bool:
    """Whether a search that names no losses tries it. Of losses that do not see the order of classes, only the default
    takes part where classes have one."""
    return record.by_default and tunable(record, task) and (task != "ordinal" or task in record.tasks)
