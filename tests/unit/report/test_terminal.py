import io
from dataclasses import replace

import pytest
from report_examples import diabetes, digits, equivalent, imbalanced, interrupted
from rich.console import Console

from losslab.report import terminal, words
from losslab.report.progress import Progress
from losslab.search.result import Row, TuneData


def lines(text) -> list[str]:
    return text.plain.splitlines()


def squeezed(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("data", [digits(), diabetes(), equivalent()], ids=["digits", "diabetes", "equivalent"])
def test_everything_fits_the_width(data, width):
    for part in (terminal.header, terminal.leaderboard, terminal.verdict):
        assert max(map(len, lines(part(data, width)))) <= width


def test_header_says_what_was_understood():
    assert lines(terminal.header(digits(), 100)) == [
        "data     digits: 1,797 rows, 64 columns, 10 classes (174 to 183 rows each)",
        "task     multiclass (from an integer target)      metric  accuracy, higher is better",
        "split    1,078 train / 359 validation / 360 test, stratified, seed 0",
        "model    mlp 64-64-64-10      engine  stacked (probe: 14x one after the other)",
        "plan     255 trials = 5 losses x 51, then 6 finalists x 20 retrainings",
    ]


def test_leaderboard_reads_like_the_mock_up():
    table = lines(terminal.leaderboard(digits(), 100))
    assert squeezed(table[0]) == "valid.* test against tuned CE, 95 % p"
    assert squeezed(table[1]) == "cross_entropy label_smoothing 0.04 0.984 0.974 -"
    assert squeezed(table[2]) == "poly1_cross_entropy epsilon 1.2 0.985 0.976 +0.2 [-1.1, +1.5] 1.0"
    assert squeezed(table[3]) == "focal_loss gamma 0.7 0.986 0.975 +0.1 [-1.2, +1.4] 1.0"
    assert squeezed(table[4]) == "generalized_cross_entropy q 0.151 0.983 0.972 -0.2 [-1.6, +1.2] .412"
    assert squeezed(table[5]) == "multi_margin_loss margin 1.3, p 1 0.979 0.965 -0.9 [-2.5, -0.0] <.001"
    assert set(table[6].strip()) == {"-"}
    assert squeezed(table[7]) == "untuned: cross_entropy, AdamW 1e-3 0.969 -0.5 [-1.7, +0.7]"
    assert squeezed(table[8]) == "not a network: gradient boosting 0.962 -1.2 [-2.9, +0.5]"
    assert squeezed(table[9]) == "majority class 0.103"
    assert table[10:] == ["  * chosen by this column, so optimistic. Differences in points; p after Holm."]
    assert len({row.index("[") for row in table[2:9] if "[" in row}) == 1  # columns stand below each other


def test_narrow_leaderboard_keeps_every_number():
    wide, narrow = (terminal.leaderboard(digits(), width).plain for width in (120, 80))
    assert sorted(narrow.replace("-", "").split()) == sorted(wide.replace("-", "").split())
    assert "    label_smoothing 0.04\n" in narrow


def test_regression_has_significant_digits_and_its_own_unit():
    table = lines(terminal.leaderboard(diabetes(), 100))
    assert squeezed(table[2]) == "huber_loss delta 13.2 39.4 38.1 -7.9 [-11.2, -4.6] .012"
    assert table[3].split()[:3] == ["l1_loss", "41.0", "40.2"]
    assert "Differences in the metric's own unit" in table[-1]


def test_settings_baselines_and_watched_metrics_stand_in_the_leaderboard():
    table = lines(terminal.leaderboard(imbalanced(), 130))
    assert squeezed(table[0]) == "valid.* test against tuned BCE, 95 % p average_precision f1"
    whole = squeezed(" ".join(table))
    assert "sigmoid_focal_loss 0.180 0.188 -0.043 [-0.070, -0.015] .004 0.660 0.470" in whole
    assert "gamma 2.25, alpha 0.7, schedule constant, dropout 0" in whole
    assert "cross_entropy + logit adjustment 0.230 0.000 [-0.030, +0.030]" in whole
    assert "average_precision" not in terminal.leaderboard(imbalanced(), 100).plain  # no room: the names come first
    assert max(map(len, table)) <= 130


def test_many_notes_are_cut_short_but_not_the_alarming_one():
    header = lines(terminal.header(imbalanced(), 100))
    notes = [line for line in header if line.startswith(("note", "beware"))]
    assert notes[0] == "beware   column 'refund' gives the target away: it alone predicts 99 % of the rows"
    assert notes[-1] == "note     and 24 more, which the report lists"
    assert len(notes) == 8
    assert "budget   10m: 32 trials, decided from 12 steps of a probe" in header


def test_a_stopped_search_prints_what_there_is():
    table = lines(terminal.leaderboard(interrupted(), 80))
    assert squeezed(table[0]) == "valid.* epoch tried to the end"
    assert [squeezed(line).split()[:2] for line in table[1:4]] == [
        ["cross_entropy", "0.976"], ["focal_loss", "0.970"], ["poly1_cross_entropy", "0.957"]
    ]  # fmt: skip
    told = terminal.verdict(interrupted(), 80).plain
    assert told.startswith("STOPPED  There is no verdict, and the test part was not read.")
    assert max(map(len, [*table, *told.splitlines()])) <= 80


def test_verdict_names_what_could_be_seen_what_got_worse_and_how_far_it_holds():
    assert lines(terminal.verdict(digits(), 100)) == [
        "VERDICT  Keep cross_entropy. Undecided: no loss is shown to be better. 360 test rows can show gains",
        "         of about 1.4 points or more.",
        "         Also: focal_loss has worse calibration (ECE .041 against .018).",
        "Holds for this model, 20 epochs, data like these. Test part read: 1st time.",
    ]


def test_a_second_reading_of_the_test_part_is_told_and_a_shown_gain_needs_no_detectable_size():
    text = terminal.verdict(diabetes(), 100).plain
    assert "Test part read: 2nd time. Choices made after an" in text
    assert "can show" not in text


def test_footer_names_the_folder_once():
    paths = ["runs/digits-1/report.html", "runs/digits-1/result.json", "runs/digits-1/best_loss.py"]
    assert lines(terminal.footer(paths, 100)) == [
        "wrote    runs/digits-1/  report.html  result.json  best_loss.py (plain torch)",
        "next     more certainty: --nested 5      your own: losslab tune my.csv --target y",
    ]


def test_hostile_names_do_not_steer_the_terminal():
    data = digits(data="x\x1b[2J[bold red]: 3 rows", winner="")
    data.table[0] = replace(data.table[0], loss="evil\x1b]0;owned\x07[/]")
    stream = io.StringIO()
    out = Console(file=stream, soft_wrap=True, highlight=False, markup=False, emoji=False, width=80)
    for part in (terminal.header, terminal.leaderboard, terminal.verdict):
        out.print(part(data, 100))
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold red]" in text
    assert max(map(len, text.splitlines())) > 80  # the console itself does not wrap a table


def test_an_empty_result_prints():
    for part in (terminal.header, terminal.leaderboard, terminal.verdict):
        part(TuneData(), 80)
    assert terminal.footer([]).plain.startswith("next")


def test_progress_without_a_terminal_is_one_line():
    stream = io.StringIO()
    with Progress("search", 200, Console(file=stream), write_best=lambda best: f"{best:.3f}") as progress:
        progress.update(done=64, alive=20, best=0.9)
        assert stream.getvalue() == ""
        progress.update(done=100, alive=5, best=0.98604)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("search   #############              100/200   alive 5   best 0.986   0.")


def test_progress_keeps_its_last_line_after_ctrl_c():
    stream = io.StringIO()

    def stopped():
        with Progress("confirm", 120, Console(file=stream, force_terminal=True)) as progress:
            progress.update(done=60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert "60/120" in stream.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, ""), (0.0004, "<.001"), (0.001, ".001"), (0.0122, ".012"), (0.9994, ".999"), (0.9996, "1.0"), (1.7, "1.0")],
)
def test_p_values(p, text):
    assert words.p_value(p) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "1e-3"), (0.00032, "3.2e-4"), (0.01, "0.01"), (13.24, "13.2"), (0, "0"), (True, "True"), (100000, "1e5")],
)
def test_parameters(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("test", "interval", "shown", "difference"),
    [
        (38.134, (-11.22, -4.61), "38.1", "-7.9"),
        (152340.0, (-9000.0, 2000.0), "152,340", "-8"),
        (0.08234, (-0.0012, 0.0004), "0.0823", "-7.91400"),
        (4.2e9, (-1e8, 1e8), "4.20e+09", "-8"),
    ],
)
def test_digits_follow_the_size_of_the_numbers(test, interval, shown, difference):
    low, high = interval
    row = Row("a", test=test, difference=-7.914, difference_low=low, difference_high=high)
    numbers = words.Numbers.of(TuneData(points=False, table=[row]))
    assert numbers.value(test) == shown
    assert numbers.difference(-7.914) == difference


def test_ordinals():
    found = [words.ordinal(n) for n in (1, 2, 3, 4, 11, 21, 112)]
    assert found == ["1st", "2nd", "3rd", "4th", "11th", "21st", "112th"]


def test_what_was_not_measured_is_a_dash():
    numbers = words.Numbers.of(digits())
    assert numbers.value(None) == numbers.value(float("nan")) == numbers.difference(float("inf")) == "-"
    assert numbers.interval(None, 0.1) == ""
    assert numbers.difference(0.0) == "0.0"
    assert numbers.difference(-0.00001) == "-0.0"
