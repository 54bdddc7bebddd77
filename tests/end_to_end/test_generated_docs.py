"""Generated pages are what the declarations say now, each loss has one whose example is true, and the site is built."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from losslab.spec import policy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOSSES = sorted(path for path in (DOCS / "losses").glob("*.md") if path.name != "index.md")
LARGEST = 3_000_000  # bytes of all pictures of losses
NUMBER = re.compile(r"-?\d[\d.]*(?:e[-+]?\d+)?|nan|-?inf")
# In a process of its own: other tests declare losses.
ASK = """
import json, sys; sys.path.insert(0, "tools")
import docs, loss_pictures, losslab
from losslab import functional, nn
records = losslab.losses()
print(json.dumps({
    "pages": {name: write() for name, write in docs.PAGES.items()},
    "losses": list(records),
    "curves": {name: loss_pictures.numbers(one) for name, one in records.items()
               if loss_pictures.has_curve(one)},
    "lines": [name for name, one in records.items() if one.kind != "set"],
    "pictures": {path.stem: loss_pictures.shown_in(path) for path in (docs.DOCS / "losses/pictures").iterdir()},
    "public": {"losslab": losslab.__all__, "functional": functional.__all__, "nn": nn.__all__},
}))
"""


@pytest.fixture(scope="module")
def now():
    """What the generators would write, and the names that are public."""
    environment = os.environ | {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    asked = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, capture_output=True, check=True, env=environment)
    return json.loads(asked.stdout)


def stale(pages, folder):
    """The pages that are not in the folder as they are given."""
    there = {name: folder / name for name in pages}
    return [name for name, path in there.items() if not path.exists() or path.read_text("utf-8") != pages[name]]


def test_generated_pages_are_current(now):
    assert stale(now["pages"], DOCS) == [], "run: make docs"


def test_a_changed_or_missing_page_is_seen(tmp_path):
    (tmp_path / "a.md").write_text("one\n", encoding="utf-8")
    assert stale({"a.md": "one\n", "b.md": "two\n"}, tmp_path) == ["b.md"]
    assert stale({"a.md": "One\n"}, tmp_path) == ["a.md"]


def test_every_loss_has_a_page_and_every_page_a_loss(now):
    assert sorted(path.stem for path in LOSSES) == sorted(now["losses"])


def test_every_public_name_has_its_place(now):
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    top, functional, module = re.split(r"^## losslab\.\w+$", text, flags=re.M)
    sections = {part.split("\n")[0]: part for part in top.split("\n### ")[1:]}
    assert sorted(sections) == sorted(now["public"]["losslab"])
    assert [name for name, part in sections.items() if f"losslab.{name}(" not in part] == []
    for place, names in ((functional, "functional"), (module, "nn")):
        links = dict(re.findall(r"\[`(\w+)`\]\(losses/(\w+)\.md\)", place))
        beside = re.findall(r"^### (\w+)$", place, flags=re.M)
        assert sorted([*links, *beside]) == sorted(now["public"][names])
        assert set(links.values()) == set(now["losses"])


def test_every_loss_stands_in_the_index_once(now):
    text = (DOCS / "losses" / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[`(\w+)`\]\(\1\.md\)", text, re.M)) == sorted(now["losses"])


def test_a_picture_shows_what_the_loss_is_now(now):
    assert sorted(now["pictures"]) == sorted(now["curves"])
    assert set(now["lines"]) <= set(now["curves"])
    assert [name for name, text in now["curves"].items() if not alike(text, now["pictures"][name])] == [], (
        "run: make docs"
    )
    assert sum(path.stat().st_size for path in (DOCS / "losses" / "pictures").iterdir()) < LARGEST


def alike(text, other):
    """The same words, and numbers that differ by their last digit at most: another processor may round otherwise."""
    if NUMBER.sub("#", text) != NUMBER.sub("#", other):
        return False
    pairs = zip(NUMBER.findall(text), NUMBER.findall(other), strict=True)
    return all(float(a) == pytest.approx(float(b), rel=2e-3, abs=1e-6, nan_ok=True) for a, b in pairs)


def test_other_numbers_are_not_alike():
    assert alike("value 0.125 -3.5e-05", "value 0.1251 -3.5e-05")
    assert not alike("value 0.125", "value 0.126")
    assert not alike("value 0.125", "slope 0.125")
    assert not alike("value -1", "value 1")


@pytest.mark.parametrize("page", LOSSES, ids=lambda page: page.stem)
def test_the_example_of_a_loss_prints_what_the_page_shows(page):
    text = page.read_text(encoding="utf-8")
    found = re.search(r"^## Example\n\n```python\n(.*?)```\n\n```text\n(.*?)```$", text, re.DOTALL | re.MULTILINE)
    assert found, "no example"
    assert f"F.{page.stem}(" in found[1]
    policy.forget()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], page.name, "exec"), {})
    assert printed.getvalue() == found[2]


@pytest.mark.parametrize("page", LOSSES, ids=lambda page: page.stem)
def test_the_page_of_a_loss_says_what_a_reader_looks_for(page):
    text = page.read_text(encoding="utf-8")
    for heading in ("Shapes", "Parameters", "Example", "Source"):
        assert f"\n## {heading}\n" in text
    for words in ("```math", "**For**", "**In torch**", "**In `losslab tune`**"):
        assert words in text
    assert all(len(words) >= 40 for words in re.findall(r"!\[(.*?)\]", text))
    code = r"```.*?```|`[^`]*`"
    assert "None" not in re.sub(code, "", text, flags=re.DOTALL).replace("None of its own.", "").replace("| None |", "")


def test_the_site_is_built_without_a_warning_and_needs_no_network(tmp_path):
    pytest.importorskip("material", reason="the site needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert built.returncode == 0, built.stderr[-3000:]
    pages = list((tmp_path / "site").rglob("*.html"))
    fetched = {page.name: re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="?https?:[^>]*>', page.read_text("utf-8"))
               for page in pages}  # fmt: skip
    assert {name: tags for name, tags in fetched.items() if tags} == {}
    html = {page.stem: page.read_text("utf-8") for page in pages if page.parent.name == "losses"}
    assert [path.stem for path in LOSSES if '<svg role="img"' not in html[path.stem]] == [], (
        "formulas in signs that matplotlib does not draw: see SPELLINGS in tools/site_hooks.py"
    )
