"""A form is made when it is first asked for: importing a hundred losses makes none."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.spec.forms import functional


def test_importing_makes_hardly_any_form_and_asking_makes_one():
    code = (
        "import losslab.functional as F; from losslab import nn; from losslab.catalog import CATALOGUE as C; "
        "made = lambda: [n for n, r in C.items() if callable(r.__dict__['_form'])]; "
        "early = made(); assert len(early) <= 2, early; F.huber_loss; assert {*made()} == {*early, 'huber_loss'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_module_compiles_whole_though_nobody_asked_for_the_form():
    code = (
        "import torch; from losslab import nn; loss = nn.HuberLoss(); "
        "torch.compile(loss, backend='eager', fullgraph=True)(torch.ones(3), torch.zeros(3))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_form_for_each_record_also_of_a_copy():
    record = CATALOGUE["huber_loss"]
    assert record.form is record.form
    assert replace(record, group="other").form is record.form
    assert replace(record, form=functional(record)).form is not record.form


def test_a_record_without_a_form_says_so():
    with pytest.raises(TypeError, match="made without its functional form"):
        replace(CATALOGUE["huber_loss"], form=None)(torch.ones(1), torch.ones(1))
