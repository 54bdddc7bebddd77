"""The types that static checkers see: current, complete, and of use."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.spec.module import module

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "losslab"
SCRIPT = """\
import torch

import losslab.functional as F
from losslab import nn

x, y = torch.zeros(3), torch.ones(3)
reveal_type(F.huber_loss(x, y, "sum", 2.0, mask=y > 0))  # Tensor
reveal_type(nn.HuberLoss(delta=torch.tensor(2.0))(x, y, sample_weight=y))  # Tensor
reveal_type(F.poisson_nll_loss(x, y, False, eps=1e-6))  # Tensor
reveal_type(F.binary_cross_entropy_with_logits(x, y, pos_weight=None))  # Tensor
reveal_type(F.relu(x))  # Tensor
reveal_type(nn.Linear(2, 1))  # Linear
reveal_type(nn.functional.quantile_loss(x, y, quantile=0.9))  # Tensor
F.huber_loss(x, y, dleta=2.0)  # error: keyword argument "dleta"
F.huber_loss(x, y, reduction="avarage")  # error: "Literal['avarage']"
F.huber_loss(x, [1.0])  # error: "list[float]"
F.huber_loss(x)  # error: "target"
F.quantile_loss(x, y, 0.9)  # error: positional
nn.HuberLoss(dleta=2.0)  # error: keyword argument "dleta"
nn.HuberLoss(mask=y)  # error: keyword argument "mask"
nn.HuberLoss()(x)  # error: "target"
nn.Linear("two", 1)  # error: "str"
"""


def current(stub: str) -> str:
    """In a process of its own: other tests declare losses."""
    code = f"import sys; sys.path.insert(0, 'tools'); import stubs; print(stubs.STUBS['{stub}'](), end='')"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, env=os.environ | {"PYTHONUTF8": "1"}
    )
    return ran.stdout.decode()


@pytest.mark.parametrize("stub", ["functional.pyi", "nn.pyi"])
def test_a_stub_is_current(stub):
    found = (PACKAGE / stub).read_text(encoding="utf-8")
    written_beside = re.match(r"# Written by .* beside torch ([\d.]+):", found)
    assert written_beside
    if not torch.__version__.startswith(f"{written_beside[1]}."):
        pytest.skip(f"written beside torch {written_beside[1]}, whose names it passes on")
    assert found == current(stub), "run: make stubs"


def arguments(node: ast.FunctionDef) -> list[tuple[str, bool, bool]]:
    """Name, by name only, has a default; without self."""
    places, own = node.args.args, len(node.args.args) - len(node.args.defaults)
    found = [(one.arg, False, number >= own) for number, one in enumerate(places) if one.arg != "self"]
    defaults = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return found + [(one.arg, True, default is not None) for one, default in defaults]


def at_run_time(function) -> list[tuple[str, bool, bool]]:
    parameters = inspect.signature(function).parameters.values()
    return [(one.name, one.kind is one.KEYWORD_ONLY, one.default is not one.empty) for one in parameters]


def test_every_loss_has_the_arguments_that_it_has_at_run_time():
    functions = {node.name: node for node in bodies("functional.pyi") if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in bodies("nn.pyi") if isinstance(node, ast.ClassDef)}
    told = [record for record in CATALOGUE.values() if record.rule.__module__.startswith("losslab.catalog.")]
    assert {record.name for record in told} == functions.keys() - {"__getattr__"}, "run: make stubs"
    for record in told:
        assert arguments(functions[record.name]) == at_run_time(record.form)
        methods = {node.name: node for node in classes[record.module_name].body if isinstance(node, ast.FunctionDef)}
        assert arguments(methods["__init__"]) == at_run_time(module(record))
        assert arguments(methods["__call__"]) == arguments(methods["forward"])
        assert ast.get_docstring(functions[record.name]) == record.summary


def bodies(stub: str) -> list[ast.stmt]:
    return ast.parse((PACKAGE / stub).read_text(encoding="utf-8")).body


def test_a_checker_knows_right_calls_from_wrong_ones(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    ran = subprocess.run(  # with the settings, and so with what is kept of `make check`: ten times as fast
        [sys.executable, "-m", "mypy", str(script)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    told: dict[int, str] = {}
    for line in ran.stdout.splitlines():
        place = re.match(r".*script\.py:(\d+): ((?:error|note: Revealed).*)", line)
        if place:
            told[int(place[1])] = told.get(int(place[1]), "") + place[2]
    wanted = {n: line.partition("  # ")[2] for n, line in enumerate(SCRIPT.splitlines(), 1) if "  # " in line}
    assert told.keys() == wanted.keys(), ran.stdout + ran.stderr
    for number, words in wanted.items():
        kind, _, what = words.rpartition("error: ")
        assert told[number].startswith("error" if kind or "error" in words else "note"), told[number]
        assert what in told[number]
