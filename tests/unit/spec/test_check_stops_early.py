"""A loss that no batch gets through is told so once, not by every check."""

import pytest

from losslab.spec.forms import functional
from losslab.spec.record import LossRecord
from losslab.testing.claims import ContractError
from losslab.testing.losses import check


def record_of(rule, kind="pointwise", **facts):
    record = LossRecord(
        name=rule.__name__, rule=rule, kind=kind, formula="", source="", tasks=("regression",), outputs="one",
        link="identity", target="real", cases=(), parameters={}, module_name="Mine", **facts,
    )  # fmt: skip
    object.__setattr__(record, "form", functional(record))
    return record


def reduced(input, target):
    """A mean."""
    return (input - target).square().mean()


def broken(input, target):
    """A fault."""
    raise KeyError("w")


def sometimes(input, target):
    """What a compiler does not take."""
    print(end="")
    return (input - target).square() if input.isfinite().all() else input - target


@pytest.mark.parametrize(("rule", "words"), [(reduced, "never reduce"), (broken, "KeyError: 'w'")])
def test_one_finding_where_no_batch_gets_through(rule, words):
    with pytest.raises(ContractError) as error:
        check(record_of(rule))
    first, last = str(error.value).splitlines()
    assert first.startswith(f"{rule.__name__}: a legal batch does not get through: ")
    assert words in first
    assert last == "Nothing else was checked: mend this first"


def test_the_compiler_is_heard_in_a_line():
    with pytest.raises(ContractError) as error:
        check(record_of(sometimes))
    lines = [line for line in str(error.value).splitlines() if line.startswith("compile: ")]
    assert len(lines) == 1
    assert "Explanation" not in str(error.value)
    assert "from user code" not in str(error.value)
