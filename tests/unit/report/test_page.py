import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from plotly import graph_objects as go
from report_examples import diabetes, digits, equivalent

from losslab.report import charts, detail, search_charts
from losslab.report.page import page, write_page
from losslab.search.result import Row, Trial, TuneData

EVIL = '</script><script>alert("1")</script><img src=x onerror=alert(1)>'


class Outline(HTMLParser):
    """The tags, the headings and what a reader reads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.headings: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "wbr":
            return
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        self.text.append(" " if tag in ("td", "th", "dt", "dd") else "")
        if tag in ("h1", "h2"):
            self.headings.append("")

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text.append(data)
        if self.inside in ("h1", "h2"):
            self.headings[-1] += data

    @property
    def read(self) -> str:
        return " ".join("".join(self.text).split())


def figures_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)
    if not found:
        return {}
    assert not set("<>&") & set(found.group(1))  # nothing in it can end the script element
    return {figure.pop("name"): figure for figure in json.loads(found.group(1))}


@pytest.fixture(scope="module")
def digits_page():
    return page(digits())


def test_the_sections_in_their_order(digits_page):
    assert Outline(digits_page).headings == [
        "Keep cross_entropy. Undecided: no loss is shown to be better. "
        "360 test rows can show gains of about 1.4 points or more.",
        "Is the difference real?",
        "Is it the loss or the tuning?",
        "Leaderboard",
        "Learning curves",
        "The parameters",
        "cross_entropy and poly1_cross_entropy on the test part",
        "Rows on which they disagree",
        "How this was decided",
        "Reproduce",
    ]


def test_one_file_that_asks_the_network_for_nothing(tmp_path):
    path = write_page(digits(), tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 6e6
    assert text.count("* plotly.js v") == 1
    outline = Outline(text)
    assert not [a for _, a in outline.tags if "src" in a or not a.get("href", "#").startswith(("#", "data:,"))]
    assert "@import" not in text.split("</style>")[0]
    policy = next(a["content"] for _, a in outline.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")


def test_what_it_says(digits_page):
    read = Outline(digits_page).read
    for said in (
        "undecided neither a difference nor its absence is shown",
        "360 test rows can show gains of about 1.4 points or more.",
        "Also: focal_loss has worse calibration (ECE .041 against .018).",
        "Holds for this model, 20 epochs, data like these. Test part read: 1st time.",
        "poly1_cross_entropy epsilon 1.2 0.985 0.976 +0.2 [-1.1, +1.5] 1.0 "
        "0.0950 ↓ below the default's 0.0190 ↑ above the default's",
        "multi_margin_loss margin 1.3, p 1 0.979 0.965 -0.9 [-2.5, -0.0] <.001 n/a n/a",
        "not a network: gradient boosting 0.962 -1.2 [-2.9, +0.5]",
        "The best value of gamma sits on a bound of the search",
        "64 configurations were tried, 16 each",
        "At epochs 2 and 6 the weaker ones",
        "trained afresh 2 times",
        "Only poly1_cross_entropy is right on 2 rows: 12, 940",
        "Only cross_entropy is right on 1 row: 57",
        "losslab tune digits Copy",
        "sha256:9f2c1b",
    ):
        assert said in read, said
    assert "None" not in read
    assert "nan" not in read


def test_regression_page():
    text = page(diabetes())
    read = Outline(text).read
    assert "The two predictions differ most on 2 rows: 7, 31" in read
    assert "Test part read: 2nd time. Choices made after" in read
    assert "spoilt on purpose" in read
    assert "With the search repeated inside 5 outer splits" in read
    assert "huber_loss -6.2 [-11.0, -1.4] .023" in read
    assert "the upper edge" not in read
    assert "Confusion" not in read
    assert {"residuals", "interval", "waterfall"} <= set(figures_of(text))


def test_targets_stay_out_unless_asked_for():
    data = digits(disagreements=[{"row": 3, "target": "SECRET", "default": "b", "winner": "SECRET"}])
    assert "SECRET" not in page(data)
    assert "SECRET" in page(data, include_rows=True)


def test_names_from_users_are_text():
    data = digits(
        data=f"{EVIL}: 3 rows", metric=EVIL, default=EVIL, winner=EVIL + "2", verdict=EVIL, notes=[EVIL], command=EVIL,
        versions={EVIL: EVIL}, ledger=[{EVIL: EVIL}], why_task=EVIL, data_checksum=EVIL,
        learning_curves={EVIL: {"epoch": [1, 2], "mean": [0.1, 0.2]}},
        table=[Row(EVIL, params={EVIL: 1.0}, optimizer={"name": EVIL, "lr": 0.1}, test=0.9, secondary={EVIL: 0.1}),
               Row(EVIL + "2", params={EVIL: 2.0}, test=0.8, difference=0.1, difference_low=0.0, difference_high=0.2,
                   worse=[EVIL], at_bound=[EVIL])],
        trials=[Trial(i, EVIL, {EVIL: float(i)}, {}, "complete", [(1, 0.5)], 0.5) for i in range(3)],
        winner_detail={"confusion": {"default": [[1, 2], [3, 4]], "winner": [[1, 2], [3, 4]], "classes": [EVIL, "b"]}},
    )  # fmt: skip
    text = page(data)
    outline = Outline(text)
    assert sum(tag == "script" for tag, _ in outline.tags) == 3  # plotly, the figures, our own
    assert not [tag for tag, a in outline.tags if tag == "img" or any(name.startswith("on") for name in a)]
    shown = json.dumps(figures_of(text))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("data", [digits(), diabetes(), equivalent()], ids=["digits", "diabetes", "equivalent"])
def test_plotly_knows_every_property_and_every_chart_has_words(data):
    text = page(data)
    found = figures_of(text)
    places = {a["id"].removeprefix("chart-"): a for tag, a in Outline(text).tags if a.get("class") == "chart"}
    assert set(found) == set(places)
    for name, figure in found.items():
        go.Figure(figure)  # raises for what plotly does not know
        assert places[name]["role"] == "img"
        assert len(places[name]["aria-label"]) > 15


def test_interval_plot_is_in_points_with_margin_and_detectable_size():
    chart = charts.interval(digits())
    layout = chart.figure["layout"]
    band = next(shape for shape in layout["shapes"] if shape["type"] == "rect")
    assert (band["x0"], band["x1"]) == (-1.0, 1.0)
    lines = [shape["x0"] for shape in layout["shapes"] if shape["type"] == "line"]
    assert lines == pytest.approx([0, -1.38, 1.38])
    first = chart.figure["data"][0]
    assert first["x"] == pytest.approx([-1.14, 1.53])
    assert chart.figure["data"][1]["x"] == pytest.approx([0.22])
    assert layout["annotations"][0]["text"] == "better →"
    assert charts.interval(diabetes()).figure["layout"]["annotations"][0]["text"] == "← better"
    assert len(layout["annotations"]) == 6  # four losses, the untuned default, the arrow; no other baseline


def test_one_hopeless_loss_does_not_flatten_the_others():
    data = digits()
    data.table[3].difference, data.table[3].difference_low, data.table[3].difference_high = -0.6, -0.65, -0.55
    reach = charts.interval(data).figure["layout"]["xaxis"]["range"][1]
    assert 2.5 < reach < 5


def test_waterfall_colours_say_whether_a_step_helped():
    up, down = (charts.waterfall(data).figure["data"] for data in (digits(), diabetes()))
    assert [trace["line"]["color"] for trace in up] == [charts.GREY, charts.WINNER, charts.DEFAULT, charts.WINNER]
    assert [trace["line"]["color"] for trace in down] == [charts.GREY, charts.WINNER, charts.WINNER]
    assert up[3]["x"] == [0.9735, 0.9763]


def test_halving_marks_where_members_ended():
    traces = search_charts.halving(digits()).figure["data"]
    lines, crosses = traces[0], traces[1]
    assert lines["x"][:4] == [2, 6, 20, None]
    assert len(crosses["x"]) == 12
    assert set(crosses["x"]) == {2, 6}
    assert search_charts.halving(digits()).label.startswith("Search: 63 configurations")  # the failed one has no curve


def test_parameter_charts_show_how_far_each_trial_came():
    found = {chart.title: chart for chart in search_charts.parameters(digits())}
    assert set(found) == {
        "cross_entropy: label_smoothing", "cross_entropy: lr", "poly1_cross_entropy: epsilon",
        "poly1_cross_entropy: lr", "focal_loss: gamma", "generalized_cross_entropy: q",
    }  # fmt: skip
    early, full = found["focal_loss: gamma"].figure["data"]
    assert (len(early["x"]), len(full["x"])) == (12, 4)
    assert found["focal_loss: gamma"].warning
    assert not found["cross_entropy: label_smoothing"].warning
    assert found["generalized_cross_entropy: q"].figure["layout"]["xaxis"]["type"] == "log"
    assert found["generalized_cross_entropy: q"].figure["layout"]["annotations"][0]["x"] == pytest.approx(
        -0.8204, abs=1e-3
    )


def test_diverged_members_run_out_of_the_picture():
    data = diabetes()
    data.trials.append(Trial(99, "mse_loss", {}, {}, "pruned", [(4, 1e9), (12, float("inf"))]))
    low, high = search_charts.halving(data).figure["layout"]["yaxis"]["range"]
    assert low < 43
    assert high < 200
    page(data)


def test_a_default_that_wins_stands_alone():
    data = digits(winner="cross_entropy")
    read = Outline(page(data)).read
    assert "The best loss is the default itself, so it stands alone." in read
    assert "Rows on which they disagree" not in read
    assert len(detail.confusion(data)) == 1


@pytest.mark.parametrize(
    "missing", ["waterfall", "learning_curves", "trials", "winner_detail", "disagreements", "ledger"]
)
def test_missing_parts_are_left_out_or_said(missing):
    data = digits()
    setattr(data, missing, type(getattr(data, missing))())
    text = page(data)
    for figure in figures_of(text).values():
        assert figure["data"]
    if missing == "ledger":
        assert "No ledger was kept" in text
    assert all(Outline(text).headings)


def test_an_empty_result_is_a_page_without_charts():
    text = page(TuneData())
    assert "No verdict was reached." in text
    assert "nothing to compare" in text
    assert len(text) < 40_000


def test_importing_the_report_does_not_import_plotly():
    code = "import sys, losslab.report.page, losslab.report.terminal; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
