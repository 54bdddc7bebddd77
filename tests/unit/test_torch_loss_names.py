"""Every loss that torch has, listed from torch itself, is one of losslab's: none falls through unnoticed."""

import inspect
import re

import pytest
import torch
from torch.nn.modules import loss as torchs_file

import losslab.functional as F
from losslab import nn
from losslab.catalog import CATALOGUE

FUNCTIONS = {
    name for name, value in vars(torch.nn.functional).items()
    if inspect.isroutine(value) and re.fullmatch(r"(?!_)\w*(_loss|cross_entropy\w*|kl_div)", name)
}  # fmt: skip
MODULES = {*torchs_file.__all__} | {
    name for name, value in vars(torch.nn).items() if inspect.isclass(value) and name.endswith("Loss")
}


def test_the_lists_hold_what_everybody_knows():
    assert {"ctc_loss", "kl_div", "binary_cross_entropy_with_logits", "linear_cross_entropy"} <= FUNCTIONS
    assert {"CTCLoss", "AdaptiveLogSoftmaxWithLoss", "NLLLoss2d", "BCEWithLogitsLoss"} <= MODULES
    assert len(FUNCTIONS) >= 22
    assert len(MODULES) >= 24


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_a_record(name):
    assert CATALOGUE[name].torch_name == name
    assert getattr(F, name) is CATALOGUE[name].form


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_is_ours(name):
    ours = getattr(nn, name)
    assert ours is not getattr(torch.nn, name)
    assert ours.__module__ == "losslab.nn"
    assert name in nn.__all__


def places(function):
    """What may be passed by position, up to the first deprecated argument, and every name."""
    taken = inspect.signature(function).parameters
    names = [name for name, one in taken.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    old = next((k for k, name in enumerate(names) if name in ("size_average", "reduce")), None)
    return names[:old], set(taken) - {"size_average", "reduce"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS | MODULES - {"NLLLoss2d", "AdaptiveLogSoftmaxWithLoss"}))
def test_arguments_by_position_name_and_default_are_torchs(name):
    ours, theirs = (getattr(*place) for place in (
        (F, name) if name in FUNCTIONS else (nn, name), (torch.nn.functional if name in FUNCTIONS else torch.nn, name)
    ))  # fmt: skip
    by_place, names = places(theirs)
    assert places(ours)[0] == by_place
    assert names <= places(ours)[1]
    taken = [inspect.signature(one).parameters for one in (ours, theirs)]
    for key in names:
        mine, torchs = (one[key].default for one in taken)
        meant = {("ignore_index", None): -100, ("pos_weight", None): 1.0}.get((key, torchs), torchs)
        assert mine in (torchs, meant), f"{key} is {mine!r} by default, in torch {torchs!r}"
