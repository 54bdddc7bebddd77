"""What wrong answers cost: a metric from a table of costs, the mean over rows."""

import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from losslab.metrics.classification import confusion
from losslab.metrics.record import Metric

COST = "cost"
DEFAULT = 1.0  # of a confusion that is not named
BINARY = {"tn": (0, 0), "fp": (0, 1), "fn": (1, 0), "tp": (1, 1)}  # (true class, answer)
_NAME = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^>=,"']+?)"""
_PART = re.compile(rf"\s*{_NAME}\s*(?:>\s*{_NAME}\s*)?=\s*([^,=>]+?)\s*(?:,|$)")
Pair = tuple[str, str]


def cost_metric(cost: str | Mapping[Any, float], classes: Sequence[str]) -> Metric:
    """The metric "cost", lower is better, from what a wrong answer costs.

    cost: "fn=10,fp=1" for two classes (the second one of `classes` is the positive one; tp and tn are 0 unless given),
        or "cat>dog=5" pairs, the true class first; a name with one of > = , in it stands in quotes. Python: a mapping
        {"fn": 10} or {("cat", "dog"): 5}. A right answer costs 0 and any other confusion 1, unless it is named.
    A row without an answer (the model gave no number) costs as much as the dearest answer for its class.

    Source: Elkan, The foundations of cost-sensitive learning, IJCAI 2001. Raises ValueError for a text that cannot be
    read, for classes that are not there, and where a wrong answer would cost less than the right one; TypeError for
    what is neither text nor mapping.
    """
    names = tuple(map(str, classes))
    if len(names) < 2:
        raise ValueError("cost needs a task with classes; this one has none")
    table = _table(_pairs(cost), names)
    padded = torch.cat([table, table.max(1, keepdim=True).values], 1)

    def of_confusion(counts: Tensor) -> Tensor:
        seen = counts.shape[-2]
        each = torch.cat([padded[:seen, :seen], padded[:seen, -1:]], 1).to(counts.device)
        return (counts * each).sum((-2, -1)) / counts.sum((-2, -1))

    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return of_confusion(confusion(prediction, target, weight))

    def rows(prediction: Tensor, target: Tensor) -> Tensor:
        answer = torch.where(prediction < 0, len(names), prediction)
        return padded.to(answer.device)[target.expand_as(answer), answer]

    def scale(target: Tensor) -> float:
        """What the cheapest answer costs that is the same for every row."""
        constant = float(table.to(target.device)[target].mean(0).min())
        return constant if constant > 0 else float(table.max())

    return Metric(
        name=COST, value=value, needs="label", tasks=("binary", "multiclass", "ordinal"), higher_is_better=False,
        rows=rows, root=False, thresholded=True, scale=scale, points=False, of_confusion=of_confusion,
        summary=f"mean cost per row: {_words(table, names)}",
    )  # fmt: skip


def _pairs(cost: str | Mapping[Any, float]) -> dict[str | Pair, float]:
    """ "fn" or (true class, answer) -> cost."""
    found: dict[str | Pair, float] = {}
    if isinstance(cost, str):
        items = _read(cost)
    elif isinstance(cost, Mapping):
        items = [(tuple(map(str, key)) if isinstance(key, tuple) else str(key), value) for key, value in cost.items()]
    else:
        raise TypeError(f'cost: expected "fn=10,fp=1" or {{("cat", "dog"): 5}}, found {cost!r}')
    if not items:
        raise ValueError('cost is empty; say what a wrong answer costs, as in "fn=10,fp=1"')
    for key, value in items:
        shown = ">".join(key) if isinstance(key, tuple) else key
        if isinstance(key, tuple) and len(key) != 2:
            raise ValueError(f"cost of {key!r}: a pair (true class, answer) is wanted")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"cost of {shown}: {value!r} is not a number") from None
        if not math.isfinite(number):
            raise ValueError(f"cost of {shown} is {number:g}; it must be finite")
        if key in found:
            raise ValueError(f"cost of {shown} is given twice")
        found[key] = number
    return found


def _read(text: str) -> list[tuple[Any, Any]]:
    items: list[tuple[Any, Any]] = []
    place = 0
    while place < len(text):
        match = _PART.match(text, place)
        if match is None:
            raise ValueError(f"cost {text!r}: cannot read {text[place:]!r}; fn=10,fp=1 or cat>dog=5 is wanted")
        true, answer, number = match.groups()
        items.append((_bare(true) if answer is None else (_bare(true), _bare(answer)), number))
        place = match.end()
    return items


def _bare(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name[:1] in ('"', "'") else name.strip()


def _table(pairs: Mapping[str | Pair, float], names: tuple[str, ...]) -> Tensor:
    """The costs (C, C) of (true class, answer)."""
    table = torch.full((len(names),) * 2, DEFAULT, dtype=torch.float64).fill_diagonal_(0.0)
    given: dict[tuple[int, int], str] = {}
    for key, value in pairs.items():
        cell = _cell(key, names)
        if cell in given:
            raise ValueError(f"cost: {given[cell]} and {_shown(key)} name the same answer; give one of them")
        given[cell] = _shown(key)
        table[cell] = value
    for true, answer in ((t, a) for t in range(len(names)) for a in range(len(names))):
        if table[true, answer] < table[true, true]:
            right, wrong = float(table[true, true]), float(table[true, answer])
            raise ValueError(
                f"cost: for a row of {names[true]!r} the wrong answer {names[answer]!r} costs {wrong:g}, less than the "
                f"right one ({right:g}); a cost is what you pay, so a wrong answer costs more"
            )
    if not bool((table > table.diagonal()[:, None]).any()):
        raise ValueError("cost: no wrong answer costs more than the right one, so there is nothing to decide")
    return table


def _cell(key: str | Pair, names: tuple[str, ...]) -> tuple[int, int]:
    if isinstance(key, tuple):
        return _place(key[0], names), _place(key[1], names)
    if key not in BINARY:
        raise ValueError(f"cost of {key!r}: fn, fp, tp, tn or a pair such as {names[0]}>{names[1]} is wanted")
    if len(names) != 2:
        raise ValueError(
            f"cost of {key}: that is for two classes, and here are {len(names)}; name pairs, as {names[0]}>{names[1]}=5"
        )
    return BINARY[key]


def _place(name: str, names: tuple[str, ...]) -> int:
    if name in names:
        return names.index(name)
    near = get_close_matches(name, names, n=3, cutoff=0.4) or names[:10]
    raise ValueError(f"cost: no class {name!r}; nearest: {', '.join(near)}")


def _shown(key: str | Pair) -> str:
    return ">".join(key) if isinstance(key, tuple) else key


def _words(table: Tensor, names: tuple[str, ...]) -> str:
    """10 for b taken as a, ..., else 1"""
    cells = [(t, a) for t in range(len(names)) for a in range(len(names))]
    said = [
        f"{table[t, a]:g} for {names[t]} " + ("found" if t == a else f"taken as {names[a]}")
        for t, a in cells
        if table[t, a] != (0.0 if t == a else DEFAULT) or (len(names) == 2 and t != a)
    ]
    return ", ".join([*said, *([] if len(names) == 2 else [f"{DEFAULT:g} for any other wrong answer"])])
