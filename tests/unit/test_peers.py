"""The comparisons with other packages: what counts as a fault, and that rows and page speak of losses that exist.

The comparisons themselves need the packages, and are made by `make peers`.
"""

import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.spec import policy

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from peers.__main__ import FILES  # noqa: E402 (here and below: a folder of tests, and no package that is installed)
from peers.draws import DRAWS  # noqa: E402
from peers.page import Section, page  # noqa: E402
from peers.rows import Peer, Row, compare  # noqa: E402

PAGE = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
PEERS = {name: import_module(f"peers.{name}").PEER for name in FILES}
PARTS = {"__init__", "__main__", "draws", "operators", "page", "rows"}
SQUARE = "torch.nn.functional.mse_loss(x, y)"


def outcome(row, **settings):
    with policy.checks("off"):
        return compare(Peer("torch", dict, (row,), **settings), {}, row)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (Row("F.mse_loss(x, y)", SQUARE, "real"), ""),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE}", "real"), "nothing explains it"),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE}", "real", "twice", "2 * F.mse_loss(x, y)"), ""),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE}", "real", "twice", "3 * F.mse_loss(x, y)"), "is not the same: 3.3e-01"),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE}", "real", "twice", within=0.51), ""),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE}", "real", "twice", within=0.49), "further apart"),
        (Row("F.mse_loss(x, y)", SQUARE, "real", "twice", within=1.0), "an explanation is given"),
        # a constant more: the values differ and the gradients do not; a sum that is held constant: the other way round
        (Row("F.mse_loss(x, y)", f"{SQUARE} + 1", "real"), "nothing explains it"),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE} - {SQUARE}.detach()", "real"), "nothing explains it"),
        (Row("F.mse_loss(x, y)", f"2 * {SQUARE} - {SQUARE}.detach()", "real", gradient=False), ""),
        (Row("F.mse_loss(x, y)", "(x - x).log().mean()", "real"), "nothing explains it"),
    ],
)
def test_a_fault_is_seen(row, fault):
    found = outcome(row).fault
    assert fault in found if fault else found == ""


def test_the_largest_difference_over_all_draws_counts():
    # the first draw has its first target below zero; where it is above, the two are apart, by a half of the larger
    found = outcome(Row("F.mse_loss(x, y)", f"{SQUARE} * (1 + (y[0] > 0).double())", "real"))
    assert found.value == pytest.approx(0.5)
    assert found.slope == pytest.approx(0.5)


def test_rounding_of_single_precision_is_a_peers_own():
    row = Row("F.mse_loss(x, y)", "torch.nn.functional.mse_loss(x.float(), y.float())", "real")
    assert "nothing explains it" in outcome(row).fault
    assert outcome(row, single=True).fault == outcome(replace(row, single=True)).fault == ""


def test_arrays_are_compared_by_value():
    row = Row("F.mse_loss(x, y)", "((x - y) ** 2).mean() * np.ones(())", "real")
    found = outcome(row, kind="numpy")
    assert (found.slope, found.fault) == (None, "")


def test_shapes_must_agree():
    with pytest.raises(AssertionError, match=r"losslab gives the shape \(\), the peer \(12,\)"):
        outcome(Row("F.mse_loss(x, y)", "(x - y) ** 2", "real"))


def test_every_file_is_compared():
    assert sorted(path.stem for path in (ROOT / "tests" / "peers").glob("*.py")) == sorted({*FILES, *PARTS})


@pytest.mark.parametrize("name", FILES)
def test_rows_name_losses_and_inputs_that_exist(name):
    for row in PEERS[name].rows:
        assert row.loss in CATALOGUE
        assert row.draw in DRAWS
        assert not (row.same and row.within), "one of the two"
        assert bool(row.why) == bool(row.same or row.within), f"{row.ours}, {row.peer}"


@pytest.mark.parametrize("name", FILES)
def test_calls_of_losslab_run(name):
    """As far as they are made without the package: a loss that was renamed or changed shows here, not at night."""
    with policy.checks("off"):
        for row in PEERS[name].rows:
            inputs = DRAWS[row.draw](torch.Generator().manual_seed(0))
            for code in filter(None, (row.ours, row.same)):
                value = eval(code, {"torch": torch, "F": import_module("losslab.functional"), **inputs})
                assert value.isfinite().all(), code


def test_the_page_names_losses_that_exist():
    links = re.findall(r"\[(\w+)\]\(losses/(\w+)\.md\)", PAGE)
    assert len({name for name, _ in links}) >= 60
    assert {name for pair in links for name in pair} <= set(CATALOGUE)
    assert set(re.findall(r"F\.(\w+)\(", PAGE)) <= set(CATALOGUE)


def test_the_page_has_every_package_and_its_place():
    assert [peer.package for peer in PEERS.values() if f"\n## {peer.package} " not in PAGE] == []
    assert "  - peers.md\n" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_a_missing_package_is_said():
    peer = Peer("nowhere", dict, ())
    assert "\n## nowhere\n\nNot compared this time: it is not installed.\n" in page(
        [Section(peer, "", "it is not installed.", ())]
    )
