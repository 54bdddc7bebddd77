"""What mkdocs does besides: takes in pages from outside docs/, lists the losses, draws formulas without a network."""

import posixpath
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
TAKEN_IN = {  # from a file of the repository to its page
    "README.md": "index.md",
    "README.zh-CN.md": "zh/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"(\[(?:[^\]]|\]\])*\]\()([^)\s#]*)(#[^)\s]*)?(\))")
FORMULA = re.compile(r'<(div|span) class="arithmatex">\\[\[(](.*?)\\[\])]</\1>', re.DOTALL)
SPELLINGS = (  # from LaTeX to what matplotlib knows, in this order
    (r"\\[dt]?frac(?![a-zA-Z])", r"\\dfrac"),
    (r"\\(ge|le|ne)(?![a-zA-Z])", r"\\\1q"),
    (r"\\[lr]Vert(?![a-zA-Z])", r"\\|"),
    (r"\\dfrac\s*(\w)\s*(\w)", r"\\dfrac{\1}{\2}"),
    (r"\\sqrt\s*(\\[a-zA-Z]+|\w)", r"\\sqrt{\1}"),
    (r"\\(text|display)style(?![a-zA-Z])", ""),
    (r"\\[lr]vert(?![a-zA-Z])", "|"),
    (r"\\[bB]ig{1,2}[lr]?(?![a-zA-Z])", ""),
)


def on_config(config: Any) -> Any:
    """A line of the navigation for each loss."""
    for entry in config.nav:
        if isinstance(entry, dict) and "Losses" in entry:
            names = sorted(path.stem for path in (ROOT / "docs" / "losses").glob("*.md"))
            entry["Losses"] = ["losses/index.md", *({name: f"losses/{name}.md"} for name in names if name != "index")]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Pages from outside docs/, and the programs and licences that pages link to, as they are."""
    for source, page in TAKEN_IN.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for path in linked(files):
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def linked(files: Any) -> list[str]:
    """Files outside docs/ that a page links to, and that are no page."""
    found = set[str]()
    for file in files.documentation_pages():
        for _, place, _, _ in LINK.findall(file.content_string):
            target = in_repository(file.src_uri, place)
            if target and not target.startswith("docs/") and target not in TAKEN_IN and (ROOT / target).is_file():
                found.add(target)
    return sorted(found)


def in_repository(page: str, place: str) -> str:
    """Where a link of a page leads, from the root of the repository; empty for an address."""
    if not place or ":" in place:
        return ""
    source = next((source for source, name in TAKEN_IN.items() if name == page), f"docs/{page}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), place))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links by the places that files have on the site."""
    here = page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        target = in_repository(here, link[2])
        if not target or not (ROOT / target).is_file():
            return link[0]
        target = TAKEN_IN.get(target, target.removeprefix("docs/"))
        return f"{link[1]}{posixpath.relpath(target, posixpath.dirname(here) or '.')}{link[3] or ''}{link[4]}"

    return LINK.sub(moved, markdown)


def on_page_content(html: str, **_: Any) -> str:
    return FORMULA.sub(lambda found: drawn(unescape(found[2]).strip()), html)


def drawn(formula: str) -> str:
    """The formula as a picture in the page, in the colour of its text; its source where matplotlib cannot draw it."""
    try:
        shape = outline(formula)
    except (ValueError, RuntimeError):
        return f"<p><code>{escape(formula)}</code></p>"
    box = shape.get_extents().padded(2)
    place = f"{box.x0:.1f} {-box.y1:.1f} {box.width:.1f} {box.height:.1f}"
    look = f"width:{box.width / 14:.2f}em;max-width:100%;display:block;margin:1em 0"
    return (
        f'<svg role="img" aria-label="{escape(formula)}" viewBox="{place}" style="{look}" fill="currentColor">'
        f'<path d="{path_data(shape)}"/></svg>'
    )


def outline(formula: str) -> Any:
    """The formula as a path of matplotlib's, 16 units to an em. Raises ValueError for what it does not know."""
    from matplotlib.textpath import TextPath

    formula = re.sub(r"\s+", " ", re.sub(r"}\s+{", "}{", formula))
    for theirs, ours in SPELLINGS:
        formula = re.sub(theirs, ours, formula)
    return TextPath((0, 0), f"${formula}$", size=16, prop={"math_fontfamily": "cm"})


def path_data(shape: Any) -> str:
    """A path in SVG's words; y grows downwards there."""
    words = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}
    found = []
    for points, code in shape.iter_segments(simplify=False, curves=True):
        pairs = " ".join(f"{x:.2f} {-y:.2f}" for x, y in points.reshape(-1, 2)) if code != 79 else ""
        found.append(words[int(code)] + pairs)
    return "".join(found)
