"""Scripts written for torch or for another package give the same losses with losslab's, changed as the page says."""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from drop_in_scripts import SCRIPTS, TORCH, changed, changes, printed, seen

FOR_TORCH = {  # from a script to the losses that it computes
    "cnn": {"cross_entropy"},
    "regression": {"huber_loss", "smooth_l1_loss", "mse_loss"},
    "segmentation": {"cross_entropy"},
    "mnist": {"nll_loss"},
    "siamese": {"binary_cross_entropy"},
    "vae": {"binary_cross_entropy"},
}
FOR_PEERS = {  # from a script to the package it is written for: its name on import, and where it is had
    "sub_center_arcface": ("pytorch_metric_learning", "pytorch-metric-learning"),
    "dice": ("monai", "monai"),
    "dice_3d": ("monai", "monai"),
    "cox": ("torchsurv", "torchsurv"),
}
# What the package printed, in double precision, with its version; test_the_package_prints_what_is_kept compares anew.
KEPT = json.loads((Path(__file__).parent / "peer_curves.json").read_text(encoding="utf-8"))

# torchsurv computes in single precision whatever it is given, and Adam makes whole steps of slopes that are rounded 0.
CLOSE = {"cox": 1e-3}


def source(name: str) -> str:
    return (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")


def test_every_script_is_here():
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {*FOR_TORCH, *FOR_PEERS}
    assert set(changes()) == {TORCH, *(f"{name}.py" for name in FOR_PEERS)}
    assert set(KEPT) == set(FOR_PEERS)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["double", "single"])
@pytest.mark.parametrize("name", FOR_TORCH)
def test_a_script_for_torch_prints_the_same_losses(name, dtype, close):
    theirs = source(name)
    ours = changed(theirs, changes()[TORCH], each=False)
    assert "torch.nn" not in ours
    losses = printed(name, ours, dtype)
    assert seen() == FOR_TORCH[name], "what ran was not losslab's"
    assert len(losses) >= 30
    assert losses == pytest.approx(printed(name, theirs, dtype), rel=close)
    assert seen() == set()


def test_every_line_of_import_is_used_by_a_script():
    assert [old for old, _ in changes()[TORCH] if not any(old in source(name) for name in FOR_TORCH)] == []


@pytest.mark.parametrize("name", FOR_PEERS)
def test_a_script_for_a_package_prints_the_same_losses(name):
    ours = changed(source(name), changes()[f"{name}.py"], each=True)
    assert FOR_PEERS[name][0] not in ours.split('"""')[2]
    assert printed(name, ours) == pytest.approx(KEPT[name]["losses"], rel=CLOSE.get(name, 1e-10))


@pytest.mark.parametrize("name", FOR_PEERS)
def test_the_package_prints_what_is_kept(name):
    module, package = FOR_PEERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own
        pytest.importorskip(module, reason=f"{package} is needed only to see its losses again")
        losses = printed(name, source(name))
    assert len(losses) == 20
    assert losses == pytest.approx(KEPT[name]["losses"], rel=CLOSE.get(name, 1e-10)), f"{package} {version(package)}"


def test_changed_lines_are_found_once_or_refused():
    assert changed("a\nb\na b\n", [("a\n", "c\nd\n")], each=True) == "c\nd\nb\na b\n"
    assert changed("a\n", [("b\n", "c\n")], each=False) == "a\n"
    for text in ("b\n", "a\na\n"):
        with pytest.raises(AssertionError, match="times in the script"):
            changed(text, [("a\n", "c\n")], each=True)
