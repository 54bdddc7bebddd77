"""What a search prints: what was asked, the leaderboard, the verdict and where the files are.

Each function returns text that fits `width` where the names allow it. No number is ever cut: long names and
parameters move to lines of their own. Print with `console()`, which leaves colours out where there is no terminal.
"""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from losslab.report import sections, words
from losslab.search.result import Row, TuneData

KEY = 9  # width of the words at the left
GAP = "  "
MOST_WORSE = 2  # sentences on what got worse
MOST_NOTES = 6  # notes on the data, beside those that alarm
LEAST_NAME = 34  # columns that names keep before a watched metric gets one


def console() -> Console:
    """Prints texts as they are: no wrapping in the middle of a table, no markup read from a user's names."""
    return Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


def header(data: TuneData, width: int = 100) -> Text:
    """What was understood and what will be done, before the search starts."""
    task = words.clean(data.task) + (f" ({words.clean(data.why_task)})" if data.why_task else "")
    metric = f"{words.clean(data.metric)}, {words.direction(data)}"
    lines = [
        [("data", data.data)],
        [("task", task), ("metric", metric)],
        [("split", words.split_sizes(data))],
        [("model", data.model), ("engine", data.engine)],
        [("plan", data.plan)],
        [("budget", data.budget)],
        *([(key, note)] for key, note in _notes(data)),
    ]
    return Text("\n".join(line for pairs in lines for line in _pairs(pairs, width)))


def _notes(data: TuneData) -> list[tuple[str, str]]:
    """What alarms in full; of the rest the first, and how many more the report has."""
    found = sections.notes(data)
    rest = [*found["first"], *found["more"]]
    left = len(rest) - MOST_NOTES
    shown = rest if left <= 1 else rest[:MOST_NOTES]
    more = [("note", f"and {left} more, which the report lists")] if left > 1 else []
    return [*(("beware", note) for note in found["alarming"]), *(("note", note) for note in shown), *more]


def title(name: str, width: int = 100) -> Text:
    """A rule with the name of a run."""
    return Text(f"-- {words.clean(name)} ".ljust(min(width, 60), "-"), "bold")


def leaderboard(data: TuneData, width: int = 100) -> Text:
    """The losses, a rule, what they are measured against, and what the columns mean; or how far a search came."""
    numbers = words.Numbers.of(data)
    losses, others = words.ordered(data)
    if data.status == "interrupted" and not losses:
        return _so_far(data, width)
    columns = _columns(data, [*losses, *others], numbers)
    columns += _watched(data, [*losses, *others], width - sum(one.width + len(GAP) for one in columns))
    room = max(width - sum(column.width + len(GAP) for column in columns) - len(GAP), 20)
    names = [(words.label(row), words.settings({**row.params, **row.settings})) for row in losses]
    gap = max((cell_len(name) for name, _ in names), default=0) + 2
    longest = max((gap + cell_len(settings) for _, settings in names), default=0)
    one_line = longest <= room
    spare = columns[0].width + len(GAP)  # what has no validation value may reach into that column
    first = max([longest if one_line else gap, *(cell_len(words.label(row)) - spare for row in others)])
    first = min(room, max(first, 20))

    text = Text()
    text.append(
        _line("", [f"{column.title:{column.align}{column.width}}" for column in columns], first).rstrip() + "\n", "dim"
    )
    for i, row in enumerate([*losses, *others]):
        if i == len(losses):
            text.append("  " + "-" * (first + sum(column.width + len(GAP) for column in columns)) + "\n", "dim")
        left = [words.label(row)]
        if row.role == "loss" and names[i][1]:
            name, settings = names[i]
            left = [_pad(name, gap) + settings] if one_line else [name, "  " + settings]
        skip = 0 if columns[0].cells[i].strip() else 1
        reach = first + skip * spare
        left = [part for long in left for part in _wrapped(long, reach)]
        cells = [column.cells[i] for column in columns[skip:]]
        style = "bold" if row.role == "loss" and row.loss == data.winner else ""
        text.append(_line(left[0], cells, reach).rstrip() + "\n", style)
        for more in left[1:]:
            text.append(f"  {more}".rstrip() + "\n", "dim")
    for line in textwrap.wrap(words.footnote(data), max(width - 2, 20)):
        text.append(f"  {line}\n", "dim")
    text.rstrip()
    return text


def _so_far(data: TuneData, width: int) -> Text:
    lines = sections.so_far(data)
    columns = [
        _Column("valid.*", [line["value"] for line in lines]),
        _Column("epoch", ["" if line["epoch"] is None else str(line["epoch"]) for line in lines]),
        _Column("tried", [str(line["tried"]) for line in lines]),
        _Column("to the end", [str(line["whole"]) for line in lines]),
    ]
    names = [words.clean(line["loss"]) for line in lines]
    first = max([20, *map(cell_len, names)])
    text = Text()
    text.append(_line("", [column.title.rjust(column.width) for column in columns], first).rstrip() + "\n", "dim")
    for i, name in enumerate(names):
        text.append(_line(name, [column.cells[i] for column in columns], first).rstrip() + "\n")
    text.append(f"  * best {words.clean(data.metric)} so far, {words.direction(data)}", "dim")
    return text


def verdict(data: TuneData, width: int = 100) -> Text:
    """The answer, what got worse, and how far it holds; of a search that was stopped, that there is none."""
    if data.status == "interrupted":
        said = _pairs(
            [("STOPPED", "There is no verdict, and the test part was not read. What was finished is kept.")], width
        )
        return Text("\n".join(said), "bold yellow")
    worse = words.got_worse(data)
    sentences = [words.clean(data.verdict), *(f"Also: {sentence}" for sentence in worse[:MOST_WORSE])]
    if len(worse) > MOST_WORSE:
        sentences.append("Others got worse in something too; the report names them.")
    text = Text()
    style = {"better": "bold green", "equivalent": "bold blue"}.get(data.verdict_kind, "bold yellow")
    for i, line in enumerate(_wrapped_all(sentences, width - KEY)):
        text.append(("VERDICT" if i == 0 else "").ljust(KEY), style)
        text.append(line + "\n", "bold" if i == 0 else "")
    for line in textwrap.wrap(f"{words.holds_for(data)} {words.readings(data)}", max(width, 20)):
        text.append(line + "\n")
    text.rstrip()
    return text


def footer(
    paths: Sequence[str | Path],
    width: int = 100,
    next_steps: Sequence[str] = (
        "more certainty: --nested 5",
        "your own: losslab tune my.csv --target y",
    ),
) -> Text:
    """Where the files of one folder were written, and what to do next."""
    lines = []
    if paths:
        folder = Path(paths[0]).parent
        plain = {"best_loss.py": "best_loss.py (plain torch)"}
        names = [plain.get(Path(path).name, Path(path).name) for path in paths]
        lines += _pairs([("wrote", "  ".join([f"{folder}/", *names]))], width)
    if next_steps:
        one_line = _pairs([("next", "      ".join(next_steps))], width)
        each = [line for i, step in enumerate(next_steps) for line in _pairs([("" if i else "next", step)], width)]
        lines += one_line if len(one_line) == 1 else each
    return Text("\n".join(lines))


class _Column:
    def __init__(self, title: str, cells: list[str], align: str = ">") -> None:
        self.title, self.align = title, align
        self.width = max([len(title), *map(len, cells)])
        self.cells = [f"{cell:{align}{self.width}}" for cell in cells]


def _columns(data: TuneData, rows: list[Row], numbers: words.Numbers) -> list[_Column]:
    differences = [numbers.difference(row.difference) if words.known(row.difference) else "" for row in rows]
    differences = [words.NOTHING if row.loss == data.default and row.role == "loss" else d
                   for row, d in zip(rows, differences, strict=True)]  # fmt: skip
    intervals = [numbers.interval(row.difference_low, row.difference_high) for row in rows]
    wide = max(map(len, differences), default=0)
    both = [f"{d:>{wide}}{GAP}{i}" for d, i in zip(differences, intervals, strict=True)]
    return [
        _Column("valid.*", [numbers.value(row.validation) if words.known(row.validation) else "" for row in rows]),
        _Column("test", [numbers.value(row.test) for row in rows]),
        _Column(f"against {words.against(data)}, 95 %", both, align="<"),
        _Column("p", [words.p_value(row.p_value) for row in rows]),
    ]


def _watched(data: TuneData, rows: list[Row], room: int) -> list[_Column]:
    """The watched metrics, as many as leave the names enough room."""
    found = {metric["name"]: [cell["text"] for cell in metric["cells"]] for metric in sections.secondary(data, rows)}
    columns = []
    for name in list(data.metrics)[1:]:
        if name in found:
            column = _Column(words.clean(name), found[name])
            room -= column.width + len(GAP)
            if room < LEAST_NAME:
                break
            columns.append(column)
    return columns


def _line(left: str, cells: Iterable[str], first: int) -> str:
    return "  " + GAP.join([_pad(left, first), *cells])


def _pad(text: str, width: int) -> str:
    return text + " " * max(width - cell_len(text), 0)


def _wrapped(text: str, width: int) -> list[str]:
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(text, max(width, 20), subsequent_indent=indent, break_long_words=False) or [""]


def _wrapped_all(sentences: Iterable[str], width: int) -> list[str]:
    return [line for sentence in sentences if sentence for line in _wrapped(sentence, width)]


def _pairs(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """`key      value` pairs, on one line where they fit, else below each other; pairs without a value are left out."""
    known = [(key, words.clean(value)) for key, value in pairs if value]
    joined = "      ".join(f"{key:<{KEY if i == 0 else len(key) + 2}}{value}" for i, (key, value) in enumerate(known))
    if cell_len(joined) <= width:
        return [joined] if known else []
    lines = []
    for key, value in known:
        for i, line in enumerate(_wrapped(value, width - KEY)):
            lines.append(f"{key if i == 0 else '':<{KEY}}{line}")
    return lines
