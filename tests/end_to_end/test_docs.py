"""What the texts say is true: examples run, links lead somewhere, translations and generated pages are current."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from losslab.optim import RULES
from losslab.report.store import write_result
from losslab.search.result import Row, TuneData

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TRANSLATIONS = {  # from each page that is a translation to its English original
    ROOT / "README.zh-CN.md": ROOT / "README.md",
    **{page: DOCS / page.name for page in sorted((DOCS / "zh").glob("*.md"))},
}
ENGLISH = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
PAGES = [*ENGLISH, *TRANSLATIONS]
LOSSES = sorted((DOCS / "losses").glob("*.md"))  # their examples: test_generated_docs.py
FENCE = re.compile(r"^(\s*)```\s*(\w*)\s*$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
FIGURE = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
CUSTOMERS = ROOT / "examples" / "tables" / "customers.py"
LARGEST_PICTURE = 120_000  # bytes


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """(first line, counted from 1, code) of every fenced block in the language; a block that never ends is an error."""
    found, start, kind, code = [], 0, "", list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if fence and not start:
            start, kind, code = number + 1, fence[2], []
        elif fence:
            found += [(start, "\n".join(code))] * (kind == language)
            start = 0
        elif start:
            code.append(line)
    if start:
        raise ValueError(f"the block that begins in line {start - 1} has no end")
    return found


def script(text: str) -> str:
    """The Python blocks of a page as one program whose line numbers are those of the page."""
    lines: list[str] = []
    for start, code in blocks(text, "python"):
        lines += [""] * (start - 1 - len(lines)) + code.splitlines()
    return "\n".join(lines) + "\n"


WITH_CODE = [page for page in ENGLISH if blocks(page.read_text(encoding="utf-8"), "python")]


def sections(page: Path) -> list[str]:
    """A page cut before each heading; `#` in a block of code begins a comment."""
    parts, fenced = [""], False
    for line in page.read_text(encoding="utf-8").splitlines(keepends=True):
        fenced ^= bool(FENCE.match(line))
        if re.match("#+ ", line) and not fenced:
            parts.append("")
        parts[-1] += line
    return parts


def code_of(section: str) -> list[object]:
    """What the blocks of code do, whatever their comments say; output that is shown counts as it stands."""
    python = [ast.dump(ast.parse(code)) for _, code in blocks(section, "python")]
    shell = [[line.split("#")[0].split() for line in code.splitlines()] for _, code in blocks(section, "sh")]
    shown = [code for kind in ("text", "") for _, code in blocks(section, kind)]
    return [python, shell, shown, len(FENCED.findall(section))]


def pictures(section: str) -> list[str]:
    """The names of the pictures; one with words in it may have a Chinese twin."""
    return [Path(place).stem.removesuffix("-zh") for _, place in PICTURE.findall(section)]


def figures(section: str) -> set[str]:
    """The numbers of the prose and the tables; addresses and code are left out."""
    return set(FIGURE.findall(re.sub(r"\]\([^)]*\)|`[^`]*`", "", FENCED.sub("", section))))


def run(page: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the examples of a page in a process of their own: what they declare stays with them."""
    file = folder / "page.py"
    file.write_text(script(page), encoding="utf-8")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", str(file)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_examples_run(page, tmp_path):
    if page.name == "result.md":  # it reads the result of the README's first command
        row = Row(loss="cross_entropy", test=0.97)
        write_result(
            TuneData(task="multiclass", metric="accuracy", table=[row]), tmp_path / "runs/digits-1/result.json"
        )
    text = page.read_text(encoding="utf-8")
    if "customers.csv" in script(text):  # written by the page's own command
        assert f"python {CUSTOMERS.relative_to(ROOT)}" in text
        subprocess.run([sys.executable, CUSTOMERS], cwd=tmp_path, capture_output=True, check=True)
    ran = run(text, tmp_path)
    assert ran.returncode == 0, f"{name(page)}:\n{ran.stderr[-3000:]}"


def test_texts_with_examples_are_found():
    assert {"README.md", "CONTRIBUTING.md", "docs/getting-started.md"} <= {name(page) for page in WITH_CODE}


def test_a_wrong_example_fails_with_its_line(tmp_path):
    page = "# Title\n\n```python\nx = 1\n```\n\ntext\n\n```sh\nfalse\n```\n\n```python\nassert x == 2\n```\n"
    ran = run(page, tmp_path)
    assert ran.returncode == 1
    assert "line 14" in ran.stderr
    assert "AssertionError" in ran.stderr


@pytest.mark.parametrize("page", [*PAGES, *LOSSES], ids=name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    local = [link for link in LINK.findall(text) if not link.startswith(("http://", "https://", "mailto:"))]
    assert [link for link in local if not target_exists(page, link)] == []


def target_exists(page: Path, link: str) -> bool:
    place, _, anchor = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.exists():
        return False
    headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M) if anchor else []
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return not anchor or anchor in anchors


def test_both_commands_stand_in_the_readme():
    code = "\n".join(code for _, code in blocks((ROOT / "README.md").read_text(encoding="utf-8"), "sh"))
    assert "make demo" in code
    assert "make test" in code


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options_of_commands_exist(page):
    from typer.main import get_command

    from losslab.cli.main import app

    commands = get_command(app).commands
    for start, code in blocks(page.read_text(encoding="utf-8"), "sh"):
        for offset, line in enumerate(code.splitlines()):
            words = line.split("#")[0].split()
            where = f"{name(page)}:{start + offset}"
            if words[:1] == ["python"]:
                assert (ROOT / words[1]).exists(), f"{where}: no file {words[1]}"
            if words[:1] != ["losslab"]:
                continue
            assert words[1] in commands, f"{where}: no command {words[1]!r}"
            known = {option for parameter in commands[words[1]].params for option in parameter.opts}
            used = {word.split("=")[0] for word in words if word.startswith("--")}
            assert used <= known, f"{where}: {sorted(used - known)}"


def test_every_number_and_option_of_an_optimiser_is_explained():
    text = (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")
    sections = dict(part.split("\n", 1) for part in re.split(r"^## `", text, flags=re.M)[1:])
    assert [title.rstrip("`") for title in sections] == list(RULES)
    for title, section in sections.items():
        rule = RULES[title.rstrip("`")]
        told = section[: section.index("State:")]
        assert [name for name in rule.defaults if not re.search(rf"\b{name}\b", told)] == [], rule.name
        assert all(f"| `{name}` |" in section for name in rule.hyper)


def test_no_bytes_that_an_editor_hides():
    for page in [*PAGES, *LOSSES]:
        hidden = [c for c in page.read_text(encoding="utf-8") if ord(c) < 32 and c not in "\n"]
        assert not hidden, name(page)


@pytest.mark.parametrize("page", TRANSLATIONS, ids=name)
def test_a_translation_says_the_same(page):
    """Its code is the original's, which is run; so are its sections, tables, pictures, questions and figures."""
    original = TRANSLATIONS[page]
    assert len(sections(page)) == len(sections(original))
    for theirs, ours in zip(sections(original), sections(page), strict=True):
        heading = ours.split("\n")[0]
        assert code_of(ours) == code_of(theirs), heading
        assert figures(ours) == figures(theirs), heading
        assert pictures(ours) == pictures(theirs), heading
        for mark in ("#", "|", "- ", "![", "<details>"):
            count = [len(re.findall("^" + re.escape(mark), FENCED.sub("", text), re.M)) for text in (ours, theirs)]
            assert count[0] == count[1], f"{heading}: lines that begin with {mark}"


def test_every_program_of_the_course_is_linked_in_order():
    programs = sorted(path.name for path in (ROOT / "examples" / "course").glob("*.py"))
    for page in (DOCS / "course.md", DOCS / "zh" / "course.md", ROOT / "examples" / "course" / "README.md"):
        links = [Path(link).name for link in LINK.findall(page.read_text(encoding="utf-8")) if link.endswith(".py")]
        assert links == programs, name(page)


def test_pictures_are_small_described_and_shown():
    shown = set[Path]()
    for page in PAGES:
        for words, place in PICTURE.findall(page.read_text(encoding="utf-8")):
            assert len(words) >= 40, f"{name(page)}: say what is to be seen in {place}"
            shown.add((page.parent / place).resolve())
    assert {path.name for path in shown} == {path.name for path in (DOCS / "pictures").iterdir()}
    assert [path.name for path in shown if path.stat().st_size > LARGEST_PICTURE] == []


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        ("```python\nx = 1  # one\n```\n", "```python\nx = 2  # one\n```\n"),
        ("```sh\nlosslab tune digits  # fast\n```\n", "```sh\nlosslab tune wine  # fast\n```\n"),
        ("```text\n0.97\n```\n", "```text\n0.96\n```\n"),
        ("```python\nx = 1\n```\n", ""),
    ],
)
def test_other_code_in_a_translation_is_seen(original, changed):
    assert code_of(original.replace("one", "\u4e00").replace("fast", "\u5feb")) == code_of(original)
    assert code_of(changed) != code_of(original)
