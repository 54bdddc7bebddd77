import base64
import json
import re
import struct
from dataclasses import replace

import pytest
import torch

import losslab
from losslab.report.curve_data import cut, sliders
from losslab.report.curve_page import frames
from losslab.report.curves import curves

NAMES = list(losslab.losses())
PNG = b"\x89PNG\r\n\x1a\n"


def power(input, target):
    return ((input - target).abs() ** 1.5).mean()


def own_log_loss(p, y):
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


def test_the_public_name():
    drawn = losslab.curves("huber_loss", "mse_loss", target=0.0)
    assert isinstance(drawn, losslab.Curves)
    assert [one.subject.name for one in drawn.curves] == ["huber_loss", "mse_loss"]


def test_all_ways_to_say_a_loss_are_one():
    record = losslab.losses()["huber_loss"]
    one = curves("huber:delta=2", ("huber_loss", {"delta": 2.0}), (record, {"delta": 2}))
    assert [subject.name for subject in one.subjects] == ["huber_loss delta=2"]
    module = curves(torch.nn.HuberLoss(delta=2.0)).curves[0]
    ours = torch.tensor([x in module.x for x in one.curves[0].x])
    torch.testing.assert_close(one.curves[0].value[ours], module.value)
    assert len(curves("huber_loss", "huber_loss:delta=2", "huber_loss").curves) == 2
    assert {s.record.name for s in curves(task="regression").subjects} == set(
        losslab.losses().filter(task="regression")
    )


def test_losses_of_ones_own():
    drawn = curves(power)
    x = drawn.curves[0].x
    torch.testing.assert_close(drawn.curves[0].value, x.abs() ** 1.5)
    torch.testing.assert_close(drawn.curves[0].gradient, 1.5 * x.abs().sqrt() * x.sign())
    yes, no = curves(own_log_loss, axis="probability").curves
    torch.testing.assert_close(yes.value, -yes.x.log())
    torch.testing.assert_close(no.gradient, 1 / (1 - no.x))
    classes = curves(torch.nn.MultiMarginLoss(margin=0.7), task="multiclass").curves[0]
    ours = curves("multi_margin_loss:margin=0.7").curves[0]
    torch.testing.assert_close(classes.value, ours.value)
    torch.testing.assert_close(classes.gradient, ours.gradient)
    assert "power, " not in str(drawn)


def test_to_json_has_every_number():
    content = curves("quantile_loss:quantile=0.9", "cross_entropy", "binary_cross_entropy", target=None).to_json()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    first, second, third, _ = content["curves"]
    assert (first["loss"], first["params"], first["axis"], first["target"]) == (
        "quantile_loss", {"quantile": 0.9}, "residual", 0.0,
    )  # fmt: skip
    assert (second["classes"], second["target"], second["task"]) == (3, None, "multiclass")
    assert third["target"] == 1.0
    at = first["prediction"].index(-2.0)
    assert (first["value"][at], first["gradient"][at]) == (pytest.approx(1.8), -0.9)
    shifted = curves("mse_loss", target=3.0).to_json()["curves"][0]
    assert shifted["value"][shifted["prediction"].index(5.0)] == 4.0
    assert shifted["x"][shifted["prediction"].index(5.0)] == 2.0


def test_the_table():
    text = str(curves("mse_loss", "huber_loss:delta=2", target=1.5))
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["prediction", "−", "target,", "for", "the", "target", "1.5"]
    assert lines[1] == ["-4", "-2", "0", "2", "4"]
    assert lines[2] == ["mse_loss", "value", "16", "4", "0", "4", "16"]
    assert lines[3] == ["gradient", "-8", "-4", "0", "4", "8"]
    assert lines[4] == ["huber_loss", "delta=2", "value", "6", "2", "0", "2", "6"]
    two = str(curves("binary_cross_entropy"))
    assert "y = 1  value        2.303" in two
    assert "the other stays at 0" in str(curves("cross_entropy", task="binary"))
    assert "the others share what is left equally" in str(curves("nll_loss"))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (curves, "which losses"),
        (lambda: curves("hubr"), "nearest: huber_loss"),
        (lambda: curves("huber_loss:dlta=2"), "no parameter 'dlta'; its parameters: delta"),
        (lambda: curves("huber_loss:delta=-1"), "delta = -1 is out of bounds"),
        (lambda: curves("huber_loss:delta"), "written parameter=number, found 'delta'"),
        (lambda: curves("mse_loss", task="binary"), "mse_loss is for regression, the task is binary"),
        (lambda: curves("mse_loss", task="ranking"), "the task is ranking"),
        (lambda: curves("mse_loss", axis="logit"), "reads a residual; axis is for losses of your own"),
        (lambda: curves(power, axis="odds"), "axis = 'odds'"),
        (lambda: curves(power, task="binary", axis="score"), "'score' is not of the task binary"),
        (lambda: curves("mse_loss", span=0), "span = 0"),
        (lambda: curves("cross_entropy", target=1), "leave target out"),
        (lambda: curves("binary_cross_entropy", target=1.5), r"target = 1.5 is out of bounds; it must lie in \[0, 1\]"),
        (lambda: curves(lambda x, y: 3.0), "it gave a float for a batch of one"),
        (lambda: curves(lambda x, y: torch.stack([x, y])), r"it gave shape \(2, 1\)"),
        (lambda: curves(own_log_loss), "mostly NaN along its residual.*axis="),
        (lambda: curves(torch.nn.BCELoss(), task="binary"), "BCELoss raised RuntimeError along its logit from -6 to 6"),
    ],
)
def test_errors_say_what_is_wrong(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_every_loss_of_the_catalogue_can_be_drawn(tmp_path):
    drawn = curves(*NAMES)
    path = drawn.png(tmp_path / "deep" / "all.png")
    assert path.read_bytes()[:8] == PNG
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    assert width > 1000
    assert height > width  # six axes, one below the other
    some = NAMES[::6]  # each parameter's slider is hundreds of curves
    text = curves(*some).html(tmp_path / "some.html").read_text(encoding="utf-8")
    assert all(name in text.replace("<wbr>", "") for name in some)


def embedded(text, name):
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)[1])


def test_the_page_holds_the_numbers_of_the_curves(tmp_path):
    drawn = curves("binary_cross_entropy_with_logits", "asymmetric_loss")
    text = drawn.html(tmp_path / "page.html").read_text(encoding="utf-8")
    value, gradient = embedded(text, "figures")
    assert (value["name"], gradient["name"]) == ("value-0", "gradient-0")
    for trace, one in zip(value["data"], drawn.curves, strict=True):
        assert trace["x"] == one.x.tolist()
        assert trace["y"] == one.value.tolist()
        assert trace["line"]["dash"] == ("solid" if one.target == 1 else "dash")
    for trace, one in zip(gradient["data"], drawn.curves, strict=True):
        assert trace["y"] == one.gradient.tolist()
    assert len({(t["line"]["color"], t["marker"]["symbol"]) for t in value["data"]}) == 2
    assert 'http-equiv="Content-Security-Policy"' in text
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="(?!data:)', text)


def numbers(text):
    packed = base64.b64decode(text)
    return list(struct.unpack(f"<{len(packed) // 8}d", packed))


def test_the_frames_of_the_page_are_those_of_the_sliders(tmp_path):
    drawn = curves("mse_loss", "binary_cross_entropy", "asymmetric_loss:clip=0.07")
    text = drawn.html(tmp_path / "page.html").read_text(encoding="utf-8")
    mse, bce, packed = embedded(text, "sliders")
    assert mse["frames"] == bce["frames"] == []
    assert (bce["charts"], packed["charts"]) == (["value-1", "gradient-1"], ["value-2", "gradient-2"])
    assert packed["traces"] == [0, 1]
    moved = sliders(drawn.subjects[2], [1.0, 0.0])
    assert packed["sizes"] == [len(values) for values in moved.values.values()]
    assert len(packed["frames"]) == len(moved.frames)
    for found, frame in list(zip(packed["frames"], moved.frames, strict=True))[::13]:
        for (grid, value, gradient), one in zip(found, frame, strict=True):
            assert numbers(packed["grids"][grid]) == one.x.tolist()
            assert numbers(value) == one.value.tolist()
            assert numbers(gradient) == one.gradient.tolist()
    inputs = re.findall(r'<input type="range"[^>]*>', text)
    assert [re.search(r'value="(\d+)"', one)[1] for one in inputs] == [
        str(values.index(moved.subject.params[name])) for name, values in moved.values.items()
    ]


def test_two_settings_of_one_loss_are_told_apart(tmp_path):
    drawn = curves("huber_loss", "huber_loss:delta=2")
    assert frames(drawn, 1, None)["traces"] == [1]
    text = drawn.html(tmp_path / "two.html").read_text(encoding="utf-8")
    looks = [(t["line"]["color"], t["marker"]["symbol"]) for t in embedded(text, "figures")[0]["data"]]
    assert len(set(looks)) == 2


def test_names_are_text_and_never_markup(tmp_path):
    record = losslab.losses()["mse_loss"]
    drawn = curves(replace(record, name='</script><img src=x onerror="alert(1)">$x^$'))
    text = drawn.html(tmp_path / "evil.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert "&lt;img src=x" in text.replace("<wbr>", "")
    assert "&lt;img" in embedded(text, "figures")[0]["data"][0]["name"]
    assert drawn.png(tmp_path / "evil.png").read_bytes()[:8] == PNG


def test_only_slopes_against_a_probability_are_cut():
    drawn = curves("binary_cross_entropy", "mse_loss")
    low, high = cut(drawn.of("probability"), "gradient")
    assert -25 < low < -15
    assert 15 < high < 25
    assert cut(drawn.of("probability"), "value") is None
    assert cut(drawn.of("residual"), "gradient") is None


def test_a_failed_picture_leaves_the_earlier_one(tmp_path, monkeypatch):
    path = curves("mse_loss").png(tmp_path / "a.png")
    before = path.read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"No space left.*The earlier file is intact"):
        curves("l1_loss").png(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
