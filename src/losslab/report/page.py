"""The report: one HTML file that holds everything it shows, its scripts too, and asks the network for nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from losslab.report import charts, detail, search_charts, sections, words
from losslab.report.export import snippet_of
from losslab.report.figure import Chart
from losslab.report.files import write_whole
from losslab.report.store import plain
from losslab.report.templating import asset, embedded, plotly, policy, template
from losslab.search.result import TuneData

BADGES = {
    "better": "the interval leaves out zero, also after correction for the number of losses",
    "equivalent": "the whole interval lies inside the margin",
    "undecided": "neither a difference nor its absence is shown",
}
MOST_ROWS = 200  # indices of rows on which the two disagree


def write_page(data: TuneData, path: str | Path, *, include_rows: bool = False) -> Path:
    """Writes the report as one self-contained HTML file; of a search that was stopped, what there is.

    `include_rows` shows targets and predictions of the rows on which winner and default disagree; without it only their
    indices are in the file, because reports get shared. Raises OSError (an earlier report stays intact).
    """
    return write_whole(path, page(data, include_rows=include_rows, folder=Path(path).parent))


def page(data: TuneData, *, include_rows: bool = False, folder: str | Path | None = None) -> str:
    """The report as text; see `write_page`. `folder` holds the study: the command that goes on with it names it."""
    data = readable(data)
    interrupted = data.status == "interrupted"
    single = {
        "interval": charts.interval(data),
        "waterfall": charts.waterfall(data),
        "learning": search_charts.learning_curves(data),
        "halving": search_charts.halving(data),
        "calibration": detail.calibration(data),
        "labels": detail.labels(data),
    }
    several = {
        "parameters": search_charts.parameters(data),
        "confusion": detail.confusion(data),
        "residuals": detail.residuals(data),
    }
    drawn = [chart for chart in single.values() if chart] + [chart for group in several.values() for chart in group]
    losses, others = words.ordered(data)
    return render(
        "report.html.j2",
        drawn,
        title=words.name_of(data) or "report",
        data=data,
        numbers=words.Numbers.of(data),
        interrupted=interrupted,
        badge=BADGES.get(data.verdict_kind, data.verdict_kind),
        snippet="" if interrupted else snippet_of(data),
        charts={**single, **several},
        losses=losses,
        default=words.default_row(data),
        others=others,
        secondary=sections.secondary(data, [*losses, *others]),
        thresholds=sections.thresholds(data),
        chosen=sections.chosen(data),
        importance=sections.importance(data),
        bounds=_without_chart(data, several["parameters"]),
        beside=detail.beside(data),
        disagreements=sections.disagreements(data),
        most_rows=MOST_ROWS,
        most_also=sections.MOST_ALSO,
        include_rows=include_rows,
        parts=sections.parts(data),
        decided=sections.decided(data),
        ledger=sections.as_table(data.ledger),
        notes=sections.notes(data),
        so_far=sections.so_far(data) if interrupted else [],
        resume=sections.resume(data.command, folder) if interrupted else "",
    )


def render(name: str, drawn: Sequence[Chart], **values: Any) -> str:
    """A page from a template and its charts. Only the scripts that stand in it by design may run."""
    scripts = [*([plotly()] if drawn else []), asset("report.js")]
    return template(name, escape=True).render(
        words=words,
        breakable=_breakable,
        css=asset("report.css"),
        scripts=scripts,
        policy=policy(scripts),
        figures=embedded(charts.short([{"name": chart.name, **chart.figure} for chart in drawn])) if drawn else "",
        **values,
    )


def readable(data: TuneData) -> TuneData:
    """A copy in which every text can be shown, whatever a file called its columns; numbers not finite become None."""
    return TuneData.from_json(_shown(plain(data.to_json())))


def _shown(value: Any) -> Any:
    """Without control characters, and without marks that turn the direction of what follows them."""
    if isinstance(value, str):
        return words.clean(" ".join(value.splitlines()))
    if isinstance(value, dict):
        return {_shown(key): _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _without_chart(data: TuneData, drawn: Sequence[Chart]) -> list[tuple[str, list[str]]]:
    """Losses whose best value of a parameter sits on a bound, and the parameters of which no chart says so."""
    told = {chart.title for chart in drawn if chart.warning}
    found = []
    for row in words.ordered(data)[0]:
        left = [name for name in words.at_bound(row) if f"{words.clean(row.loss)}: {words.clean(name)}" not in told]
        if left:
            found.append((row.loss, left))
    return found


def _breakable(text: str) -> Markup:
    """Text that may go on in the next line after an underscore."""
    return Markup("_<wbr>").join(text.split("_"))
