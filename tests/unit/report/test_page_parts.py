"""The parts of the page that not every result has: several targets, watched metrics, a search that was stopped."""

import base64
import hashlib
import re

import pytest
from report_examples import diabetes, digits, equivalent, imbalanced, interrupted
from test_page import Outline, figures_of

from losslab.report import charts, detail, search_charts, sections
from losslab.report.comparison import comparison, differences, file_name, why_apart, write_comparison
from losslab.report.page import page, write_page
from losslab.search.result import Row, Trial, TuneData


def test_only_the_scripts_that_belong_to_the_page_may_run():
    text = page(digits())
    policy = next(a["content"] for _, a in Outline(text).tags if a.get("http-equiv") == "Content-Security-Policy")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 2
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert f"script-src {allowed};" in policy
    assert "script-src 'unsafe-inline'" not in policy


@pytest.mark.parametrize("data", [digits(), diabetes(), imbalanced(), interrupted()])
def test_every_chart_has_its_numbers_in_words_and_no_switch_that_only_a_mouse_reaches(data):
    text = page(data)
    assert text.count('<details class="sheet">') == len(figures_of(text)) > 0
    assert all(not figure["layout"]["legend"]["itemclick"] for figure in figures_of(text).values())


def test_the_numbers_of_the_interval_plot():
    sheet = charts.interval(digits()).sheet
    assert sheet.columns == ("", "difference", "95 %", "p")
    assert sheet.rows[0] == ("poly1_cross_entropy", "+0.2", "[-1.1, +1.5]", "1.0")
    assert sheet.rows[-1][:2] == ("untuned: cross_entropy, AdamW 1e-3", "-0.5")
    assert sheet.also == ""


def test_the_numbers_of_the_search():
    sheet = search_charts.halving(digits()).sheet
    assert sheet.columns == ("loss", "configurations", "ended at 2", "ended at 6", "to the end", "failed")
    # 16 trials each: every fourth to the end, the others ended at the first and second rung by turns
    assert sheet.rows[0] == ["cross_entropy", "16", "4", "8", "4", "0"]
    assert sheet.rows[-1][-1] == "1"
    best = next(chart for chart in search_charts.parameters(digits()) if chart.title == "focal_loss: gamma").sheet
    values = [float(row[1]) for row in best.rows]
    assert values == sorted(values, reverse=True)
    assert best.also == ": the best 5 of 16"


def test_watched_metrics_stand_first_with_the_direction_that_is_better():
    data = imbalanced()
    losses = [row for row in data.table if row.role == "loss"]
    found = sections.secondary(data, losses)
    assert [metric["name"] for metric in found] == ["average_precision", "f1", "log_loss"]
    focal = {metric["name"]: metric["cells"][1] for metric in found}
    assert (focal["average_precision"]["arrow"], focal["average_precision"]["kind"]) == ("\u2191", "better")
    assert (focal["f1"]["arrow"], focal["f1"]["said"]) == ("\u2193", "below, worse")
    assert (focal["log_loss"]["arrow"], focal["log_loss"]["kind"]) == ("\u2191", "")  # nobody said which way is better


def test_thresholds_settings_importance_and_baselines():
    read = Outline(page(imbalanced())).read
    for said in (
        "Decision thresholds loss cost f1 binary_cross_entropy_with_logits -1.25 -0.4 sigmoid_focal_loss -0.5 0.125",
        "schedule cosine constant dropout 0.1 0",
        "gamma 75 %",
        "adamw.lr 61 %",
        "majority class 0.500",
        "cross_entropy + balanced sampling 0.241 +0.011",
        "cost alone decided; average_precision and f1 were watched beside it.",
        "The time budget: 10m: 32 trials",
        "30 notes on the data and the run",
        "22 more notes",
    ):
        assert said in read, said
    assert read.index("gives the target away") < read.index("Is the difference real?")
    assert read.count("gives the target away") == 1
    chart = next(c for c in search_charts.parameters(imbalanced()) if c.title == "sigmoid_focal_loss: lr")
    assert "sits on a bound" in chart.warning


def test_notes_are_told_once_the_alarming_ones_apart():
    data = TuneData(notes=["b", "column a alone gives the target 'y' away: it tells 99 %", "b", " ", "c"])
    assert sections.notes(data) == {"alarming": [data.notes[1]], "first": ["b", "c"], "more": []}


def test_a_stopped_search_names_its_best_and_the_way_on_but_no_winner(tmp_path):
    text = write_page(interrupted(), tmp_path / "my run" / "report.html").read_text(encoding="utf-8")
    read = Outline(text).read
    assert "Stopped before the end: there is no verdict." in read
    assert "40 configurations had been tried, of this plan: 255 trials" in read
    assert f"losslab tune digits --out '{tmp_path}/my run' --resume Copy" in read
    assert "cross_entropy label_smoothing 0.0533 AdamW lr 0.013, weight_decay 0.01 0.976 20 16 4" in read
    assert "No verdict was reached" not in read
    assert "Leaderboard" not in read
    assert "BestLoss" not in read
    assert "chart-halving" in text


def test_the_best_so_far_follows_the_metrics_direction():
    def trial(number, loss, state, curve):
        return Trial(number, loss, {}, {}, state, curve, curve[-1][1] if state == "complete" else None)

    trials = [
        trial(0, "a", "complete", [(1, 9.0), (4, 5.0)]), trial(1, "a", "pruned", [(1, 3.0)]),
        trial(5, "a", "complete", [(1, 9.0), (4, 7.0)]),
        trial(2, "b", "pruned", [(1, 4.0)]), trial(3, "b", "failed", [(1, 1.0)]), trial(4, "c", "failed", []),
    ]  # fmt: skip
    data = TuneData(metric="rmse", higher_is_better=False, points=False, trials=trials, status="interrupted")
    found = [(one["loss"], one["value"], one["epoch"], one["tried"]) for one in sections.so_far(data)]
    assert found == [("b", "4.0000", 1, 2), ("a", "5.0000", 4, 3), ("c", "-", None, 1)]
    data.higher_is_better = True
    assert [one["loss"] for one in sections.so_far(data)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("losslab tune 'my data.csv' --resume", "losslab tune 'my data.csv' --out 'a b' --resume"),
        ("losslab tune x --out=runs/x", "losslab tune x --out=runs/x --resume"),
        ("", "losslab.tune(..., out='a b', resume=True)  # with the same arguments"),
        ("losslab tune 'open", ""),
    ],
)
def test_the_command_that_goes_on(command, expected):
    assert sections.resume(command, "a b") == expected


def test_several_labels_have_a_bar_each():
    counts = {"found": [8, 0, 3], "missed": [2, 0, 1], "wrong": [6, 0, 0], "left": [84, 100, 96]}
    better = {"found": [10, 0, 3], "missed": [0, 0, 1], "wrong": [0, 0, 0], "left": [90, 100, 96]}
    data = digits(task="multilabel", winner_detail={
        "labels": {"names": ["rain", "snow", "wind"], "default": counts, "winner": better}
    })  # fmt: skip
    chart = detail.labels(data)
    assert chart.figure["data"][0]["x"] == pytest.approx([16 / 24, 0, 6 / 7])
    assert chart.figure["data"][1]["x"] == pytest.approx([1, 0, 6 / 7])
    assert chart.sheet.rows[0] == ("rain", "cross_entropy", "8", "2", "6", "0.667")
    assert "chart-labels" in page(data)


def test_residuals_of_each_target_and_against_the_prediction_where_the_spread_grows():
    columns = {
        "heat": {"target": [1.0, 2.0], "default": [0.5, -0.5], "winner": [0.0, 0.25]},
        "cold": {"target": [3.0, None], "default": [1.0, 2.0], "winner": [None, 1.0]},
    }
    several = diabetes(task="multioutput", winner_detail={"residuals": columns["heat"], "residual_columns": columns})
    heat, cold = detail.residuals(several)
    assert (heat.title, cold.title) == ("Residuals of heat", "Residuals of cold")
    assert heat.figure["data"][0]["x"] == [1.0, 2.0]
    assert cold.figure["data"][0]["y"] == [1.0]
    (count,) = detail.residuals(diabetes(task="count", winner_detail={"residuals": columns["heat"]}))
    assert count.figure["data"][0]["x"] == [1.5, 1.5]
    assert count.figure["layout"]["xaxis"]["title"]["text"] == "prediction"


def test_many_classes_keep_those_that_are_confused_and_every_row():
    size = 100
    table = [[5 if i == j else 0 for j in range(size)] for i in range(size)]
    table[70][71], table[3][99] = 4, 2
    classes = [f"a very long name of a class {i}" for i in range(size)]
    chart = detail.confusion(digits(winner_detail={"confusion": {"default": table, "classes": classes}}))[0]
    cells = chart.figure["data"][0]
    assert len(cells["x"]) == len(set(cells["x"])) == len(cells["z"]) == 30
    assert sum(map(sum, cells["customdata"])) == 5 * size + 6
    assert cells["x"][-1] == "71 others"
    assert ("a very long name of a class 70", "9", "5", "a very long name of a class 71 (4)") in chart.sheet.rows


def test_a_large_search_stays_small_and_is_thinned_with_a_word():
    trials = [
        Trial(i, f"loss_{i % 20}", {"a": 1 + i / 7}, {"name": "adamw", "lr": 0.001 * (1 + i % 90)},
              "complete" if i % 9 == 0 else "pruned", [(2, 0.5 + i / 5000), *([(20, 0.9)] if i % 9 == 0 else [])])
        for i in range(2000)
    ]  # fmt: skip
    curve = {"epoch": list(range(1, 201)), "mean": [i / 201 for i in range(200)]}
    losses = [Row(f"loss_{i}", test=0.9 - i / 100, difference=i / 700, difference_low=0.0, difference_high=0.1)
              for i in range(20)]  # fmt: skip
    data = digits(
        default="loss_0", winner="loss_19", table=losses, trials=trials,
        learning_curves={row.loss: {**curve, "low": curve["mean"], "high": curve["mean"]} for row in losses},
        winner_detail={"confusion": {"default": [[1] * 100] * 100, "winner": [[1] * 100] * 100}},
        notes=[f"note {i}" for i in range(300)],
    )  # fmt: skip
    text = page(data)
    assert len(text.encode()) < 5.3e6
    found = figures_of(text)
    lines = [t for t in found["halving"]["data"] if t["mode"] == "lines"]
    assert sum(t["x"].count(None) for t in lines) == search_charts.MOST_TRIALS
    assert "400 of 2,000 configurations are drawn" in text
    shown = {t["name"] for t in found["learning"]["data"] if "name" in t}
    assert {"loss_0", "loss_19"} < shown
    assert len(shown) == search_charts.MOST_CURVES
    assert "with 12 losses that the chart leaves out" in text
    assert "loss_19" in found["interval"]["layout"]["annotations"][-1]["text"]  # last by its value, yet the winner


def test_runs_on_the_same_rows_share_a_scale(tmp_path):
    one, two = digits(), equivalent()
    two.table[0].difference_high = 0.05
    path = write_comparison({"first": one, "second": two}, tmp_path / file_name(["first", "second"]))
    assert path.name == "compare-first-second.html"
    text = path.read_text(encoding="utf-8")
    assert text.count("* plotly.js v") == 1
    found = figures_of(text)
    ranges = [found[f"interval-{i}"]["layout"]["xaxis"]["range"] for i in range(2)]
    assert ranges[0] == ranges[1]
    assert ranges[0][1] == pytest.approx(5.4, abs=1e-5)
    assert found["values"]["data"][0]["x"][0] == 0.9741
    assert found["values"]["data"][0]["error_x"]["array"][0] == pytest.approx(0.0129)
    read = Outline(text).read
    assert "poly1_cross_entropy 0.976 (first of its run) epsilon 1.2 +0.2 [-1.1, +1.5] 0.976" in read
    assert "Nothing that is written down" in read


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metric": "macro_f1"}, "the metric"),
        ({"data_checksum": "sha256:other"}, "the data"),
        ({"ledger": [{"split": "x"}]}, "the rows of the test part"),
        ({"split": {"train": 1078, "validation": 359, "test": 360, "how": "by time"}}, "the rows of the test part"),
        ({"table": []}, "no leaderboard"),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_compared_are_not(change, said):
    runs = [digits(), digits(**change)]
    assert said in why_apart(runs)
    text = comparison({"a": runs[0], "b": runs[1]})
    assert said in Outline(text).read
    assert "values" not in figures_of(text)


def test_what_was_asked_differently_is_listed():
    lines = differences([digits(), digits(seed=7, model="linear")])
    assert [(line["name"], line["cells"]) for line in lines] == [("model", ["mlp 64-64-64-10", "linear"]),
                                                                ("seed", ["0", "7"])]  # fmt: skip


def test_two_or_three_runs_and_names_that_make_no_paths():
    with pytest.raises(ValueError, match="4 results; two or three"):
        comparison({str(i): digits() for i in range(4)})
    assert file_name(["../a b", "\u202e<x>"]) == "compare-a-b-x.html"
