"""What every loss says of itself: a first line, when to use it, and where it comes from."""

import inspect
import re

import pytest

from losslab.catalog import CATALOGUE

YEAR = re.compile(r"\b(1[6-9]|20)\d\d\b")


@pytest.mark.parametrize("loss", [name for name, record in CATALOGUE.items() if record.torch_name is None])
def test_a_loss_beyond_torch_names_a_source_with_a_year(loss):
    assert YEAR.search(CATALOGUE[loss].source)


@pytest.mark.parametrize("loss", CATALOGUE)
def test_the_first_line_is_one_sentence_and_more_follows(loss):
    first, _, rest = inspect.getdoc(CATALOGUE[loss].rule).partition("\n\n")
    assert "\n" not in first
    assert first.endswith(".")
    assert len(rest) > 60


def test_a_source_without_a_year_is_seen():
    assert not YEAR.search("Huber, Robust estimation, arXiv:1234.56789")
    assert not YEAR.search("pages 3100 to 3200")
