"""The report as its readers meet it: by axe-core's rules, on a telephone, by keyboard, and with names that attack."""

import importlib.resources
import sys
from pathlib import Path

import pytest
from report_frames import in_frames

sys.path.append(str(Path(__file__).parents[1] / "unit" / "report"))
from report_examples import diabetes, digits, equivalent, imbalanced, interrupted

from losslab.report.comparison import comparison
from losslab.report.page import page
from losslab.search.result import TuneData

DARK = "--blink-settings=preferredColorScheme=0"
HOSTILE = (
    "\"'></title></style></script><script>window.pwned = 1; document.title = 'pwned'</script>"
    "<img src=x onerror=\"window.pwned = 2\"><svg onload='window.pwned = 3'>"
    '<a href="javascript:window.pwned = 4">{{7*7}}{%raw%}${7*7}\u202e\x1b[2J\nend'
)
FIXED = {"role", "state", "status", "task", "step", "verdict_kind"}  # fields with a few values of our own


def pages():
    return {
        "classification": page(digits(), include_rows=True),
        "regression": page(diabetes()),
        "imbalanced": page(imbalanced()),
        "interrupted": page(interrupted(), folder="runs/digits-1"),
        "side by side": comparison({"digits-1": digits(), "digits-2": equivalent(), "frauds-1": imbalanced()}),
    }


AXE = """
    for (const details of inside.querySelectorAll("details")) details.open = true;
    const found = await page_.axe.run(inside, { resultTypes: ["violations"] });
    const bad = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
    const axe = {
      dark: page_.matchMedia("(prefers-color-scheme: dark)").matches, passes: found.passes.length,
      bad: bad.flatMap((one) => one.nodes.slice(0, 3).map((node) => one.id + ": " + node.html + node.failureSummary)),
    };
"""


@pytest.fixture(scope="module")
def axe():
    pytest.importorskip("axe_core_python", reason="axe-core checks the page; it comes with axe-core-python")
    source = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    return f"<script>{source}</script>"


@pytest.fixture(scope="module")
def seen(tmp_path_factory, axe):
    script = """
    page_.focus();
    const reached = [...inside.querySelectorAll("a[href], button, summary, [tabindex]")];
    const focused = reached.filter((one) => one.tabIndex >= 0 && one.checkVisibility()).map((one) => {
      one.focus({ focusVisible: true });
      return [inside.activeElement === one, page_.getComputedStyle(one).outlineStyle, one.outerHTML.slice(0, 80)];
    });
    const skip = inside.querySelector("a.skip");
    return {
      axe, focused, first: reached[0] === skip, to: inside.querySelector(skip.getAttribute("href")).tagName,
      scrolled: [...inside.querySelectorAll(".scroll, pre")].filter((one) => one.tabIndex !== 0).length,
      width: inside.documentElement.scrollWidth, places: inside.querySelectorAll(".chart").length,
      drawn: inside.querySelectorAll(".chart .plot-container").length,
    };
    """
    return in_frames(pages(), AXE + script, tmp_path_factory.mktemp("seen"), width=420, head=axe)


def test_axe_finds_nothing_serious(seen):
    for name, one in seen.items():
        assert one["axe"]["bad"] == [], name
        assert not one["axe"]["dark"]
        assert one["axe"]["passes"] > 15


def test_axe_finds_nothing_serious_in_the_dark(tmp_path, axe):
    for name, one in in_frames(pages(), f"{AXE} return axe;", tmp_path, DARK, head=axe, charts=False).items():
        assert one["bad"] == [], name
        assert one["dark"]
        assert one["passes"] > 15


def test_nothing_is_wider_than_a_telephone_and_every_chart_is_drawn(seen):
    for name, one in seen.items():
        assert one["width"] == 420, name
        assert one["drawn"] == one["places"] > 0, name


def test_every_control_is_reached_by_keyboard_and_seen(seen):
    for name, one in seen.items():
        assert len(one["focused"]) > 5
        assert [what for focused, outline, what in one["focused"] if not focused or outline != "solid"] == [], name
        assert one["first"], name
        assert one["to"] == "MAIN"
        assert one["scrolled"] == 0


def spoilt(data):
    """The result with a hostile end to every text in it, names of columns and parameters too."""

    def worse(value, name=""):
        if isinstance(value, str):
            return value if name in FIXED else HOSTILE + value if name == "data" else value + HOSTILE
        if isinstance(value, dict):
            kept = ("params", "secondary", "thresholds", "settings", "importance", "versions")
            return {key + HOSTILE if name in kept else key: worse(item, key) for key, item in value.items()}
        return [worse(item, name) for item in value] if isinstance(value, list | tuple) else value

    content = worse(data.to_json())
    content["learning_curves"] = {key + HOSTILE: curve for key, curve in content["learning_curves"].items()}
    content["metrics"] = {key + HOSTILE: facts for key, facts in content["metrics"].items()}
    content["importance"] = {key + HOSTILE: shares for key, shares in content["importance"].items()}
    return TuneData.from_json(content)


def test_no_text_of_a_result_becomes_a_script(tmp_path):
    worst = [spoilt(data) for data in (digits(), imbalanced(), diabetes(), interrupted())]
    named = {
        "classification": page(worst[0], include_rows=True),
        "imbalanced": page(worst[1], include_rows=True),
        "regression": page(worst[2], include_rows=True),
        "interrupted": page(worst[3], folder=f"runs/{HOSTILE}"),
        "side by side": comparison({f"one{HOSTILE}": worst[0], f"two{HOSTILE}": worst[1]}),
    }
    script = """
    for (const details of inside.querySelectorAll("details")) details.open = true;
    for (const { name, data } of JSON.parse(inside.getElementById("figures").textContent))
      if (inside.getElementById("chart-" + name) && data.length && data[0].type !== "heatmap")
        page_.Plotly.Fx.hover("chart-" + name, [{ curveNumber: 0, pointNumber: 0 }]);
    await new Promise((later) => setTimeout(later, 100));
    const all = [...inside.querySelectorAll("*")];
    return {
      pwned: [page_.pwned ?? null, window.pwned ?? null], title: inside.title, text: inside.body.innerText,
      handlers: all.filter((one) => [...one.attributes].some((a) => a.name.startsWith("on"))).length,
      links: [...inside.querySelectorAll("a, use")].map((one) => one.getAttribute("href") ?? ""),
      scripts: inside.querySelectorAll("script").length, images: inside.querySelectorAll("img").length,
      charts: inside.querySelectorAll(".chart .main-svg").length,
    };
    """
    for name, one in in_frames(named, script, tmp_path).items():
        assert one["pwned"] == [None, None], name
        assert "<script>" in one["title"], name
        assert "<img src=x onerror=" in one["text"]
        assert "{{7*7}}{%raw%}${7*7}" in one["text"]
        assert not set("\u202e\x1b") & set(one["text"] + one["title"])
        assert one["handlers"] == one["images"] == 0
        assert not [link for link in one["links"] if link and not link.startswith("#")]
        assert one["scripts"] == 3  # the figures, plotly, our own
        assert one["charts"] > 0
