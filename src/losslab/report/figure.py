"""The parts of the page's charts: plain plotly figures (dicts), which the page's own plotly.js draws.

Colours are Okabe and Ito's ("Color Universal Design", 2008), which most colour-blind people can tell apart, as far as
they can be seen on white and on black; every series has a symbol or dash of its own too. Text from users is escaped,
because plotly reads tags.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from statistics import quantiles
from typing import Any

from losslab.report import words
from losslab.search.result import TuneData

DEFAULT, WINNER, GREY = "#D55E00", "#0072B2", "#808080"
OTHERS = ("#009E73", "#CC79A7", "#B8860B", "#7570B3", GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


@dataclass(frozen=True)
class Sheet:
    """A chart's numbers as texts: `rows` are as long as `columns` and start with their names. `also` ends the title."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    also: str = ""


@dataclass(frozen=True)
class Chart:
    """`label` is what a screen reader says, `figure` has plotly's data and layout; `height` in pixels.

    `sheet` holds what a reader finds by hovering, for those who read by keyboard, by ear or on paper.
    """

    name: str
    label: str
    figure: dict[str, Any]
    height: int = 320
    title: str = ""
    warning: str = ""
    sheet: Sheet | None = None


def layout(x: str, y: str = "") -> dict[str, Any]:
    return {
        "margin": {"l": 56, "r": 10, "t": 10, "b": 46},
        "xaxis": {"title": {"text": escape(x)}, "zeroline": False, "fixedrange": True},
        "yaxis": {"title": {"text": escape(y)}, "zeroline": False, "fixedrange": True},
        "legend": {
            "orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom",
            "itemclick": False, "itemdoubleclick": False,  # no key reaches them
        },
        "hovermode": "closest",
        "dragmode": False,
    }  # fmt: skip


def trace(**facts: Any) -> dict[str, Any]:
    return {"type": "scatter", **facts}


def vertical(
    x: float, *, dash: str = "solid", width: float = 1, colour: str = GREY, faint: bool = False
) -> dict[str, Any]:
    line = {"color": colour, "width": width, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line, "layer": "below",
            "opacity": 0.5 if faint else 1}  # fmt: skip


def box(low: float, high: float, colour: str) -> dict[str, Any]:
    return {"type": "rect", "x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "paper", "fillcolor": colour,
            "line": {"width": 0}, "layer": "below"}  # fmt: skip


def note(
    x: float, y: float, text: str, xref: str, yref: str, *, yshift: float = 0, xanchor: str = "left"
) -> dict[str, Any]:
    return {"x": x, "y": y, "text": text, "xref": xref, "yref": yref, "yshift": yshift, "xanchor": xanchor,
            "showarrow": False, "font": {"size": 12}}  # fmt: skip


def faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def focus(values: Sequence[float], higher_is_better: bool) -> list[float] | None:
    """An axis that shows the good end in full and leaves out what is far worse than the worst tenth."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    if len(values) >= 10:
        tenths = quantiles(values, n=10)
        far = 1.5 * (tenths[-1] - tenths[0])
        low, high = (max(low, tenths[0] - far), high) if higher_is_better else (low, min(high, tenths[-1] + far))
    pad = (high - low) * 0.06 or abs(high) * 0.01 or 0.01
    return [low - pad, high + pad]


def styles(data: TuneData) -> dict[str, tuple[str, str]]:
    """A colour and a dash for each loss, the same in all charts."""
    losses = dict.fromkeys([row.loss for row in words.ordered(data)[0]] + [trial.loss for trial in data.trials])
    found = {data.winner: (WINNER, "solid"), data.default: (DEFAULT, "dash")}
    for i, loss in enumerate(loss for loss in losses if loss not in found):
        found[loss] = (OTHERS[i % len(OTHERS)], DASHES[(i + 2) % len(DASHES)])
    return found


def all_charts(*groups: Chart | Iterable[Chart] | None) -> list[Chart]:
    """What there is to draw, in one list."""
    return [chart for group in groups for chart in ([group] if isinstance(group, Chart) else group or ())]
