"""Which metric decides, and which are watched beside it."""

from typing import Any

from losslab.data.table import Table
from losslab.metrics.cost import COST, cost_metric
from losslab.metrics.record import Metric
from losslab.metrics.registry import default_metric, secondary
from losslab.metrics.registry import get as get_metric
from losslab.search.options import Options


def deciding(metric: Any, options: Options, table: Table, higher_is_better: bool | None = None) -> Metric:
    """The metric that decides: the one named, else the cost where one is given, else the task's usual one.

    Raises ValueError where "cost" is named and nothing says what answers cost.
    """
    if metric is None and options.cost is not None:
        metric = COST
    if metric == COST:
        return _cost(options, table)
    return get_metric(default_metric(table.task) if metric is None else metric, table.task, higher_is_better)


def watched(options: Options, table: Table, metric: Metric) -> tuple[Metric, ...]:
    """The metrics beside the one that decides: a cost, then those named or the task's usual ones, each once."""
    wanted = list(options.watch) or list(secondary(table.task))
    if options.cost is not None:
        wanted = [COST, *wanted]
    found = {metric.name: metric}
    for one in wanted:
        beside = _cost(options, table) if one == COST else get_metric(one, table.task)
        found.setdefault(beside.name, beside)
    return tuple(found.values())[1:]


def described(metric: Metric) -> dict[str, Any]:
    """What a result says of a metric."""
    return {"higher_is_better": metric.higher_is_better, "points": metric.points, "summary": metric.summary}


def _cost(options: Options, table: Table) -> Metric:
    if options.cost is None:
        raise ValueError('metric "cost" needs to know what answers cost: give cost="fn=10,fp=1"')
    if table.task not in ("binary", "multiclass", "ordinal"):
        raise ValueError(f"cost is about classes, and this is a {table.task} task; leave cost out")
    return cost_metric(options.cost, table.classes)
