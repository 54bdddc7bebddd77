"""losslab trace, as a person types it."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import losslab
from losslab.cli.main import app

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))

    def forward(self, x):
        return self.layers(x)


class Wrong(Net):
    def forward(self, x):
        return self.layers(x[:, :2])


def double():
    return Net().double()


def needs(width):
    return Net()


def largest(output):
    return output.max()


def squares(output, target):
    return ((output - target) ** 2).mean()


three = 3
ready = nn.Linear(3, 2)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    return tmp_path


def says(*words, code=0):
    result = CliRunner().invoke(app, ["trace", *words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert code == 0 or isinstance(result.exception, SystemExit)
    return result.output


def numbers(folder, *words):
    """The trace as JSON."""
    says(*words, "--out", "t.json")
    return json.loads((folder / "t.json").read_text(encoding="utf-8"))[0]


def test_the_worked_network(folder):
    output = says("two_layer")
    assert "trace    two_layer: 8 operations, shown by numbers" in output
    assert "loss     0.2983711088 (half_sum_of_squares)" in output
    assert re.search(r"output.bias +gradient norm +0.1004 +update/weight 8.37e-02", output)
    assert "wrote    trace-two-layer.html" in output
    assert "forward" not in output
    text = (folder / "trace-two-layer.html").read_text(encoding="utf-8")
    assert '<html lang="en"' in text
    assert "two_layer" in text


def test_the_table_and_another_language(folder):
    output = says("two_layer", "--table", "--language", "zh", "--out", "page.html", "--optimizer", "adam:lr=0.1")
    assert "0.7414 x 0.1868 x 0.4 x 0.2413 x 0.05" in output
    assert "update of hidden.weight by adam(lr=0.1)" in output
    assert '<html lang="zh' in (folder / "page.html").read_text(encoding="utf-8")
    assert not (folder / "trace-two-layer.html").exists()


def test_the_bracket_and_its_look_alike_on_one_page(folder):
    output = says("bracket")
    assert output.count("trace    1 / ") == 2
    text = (folder / "trace-bracket.html").read_text(encoding="utf-8")
    assert "1 / (1 + exp(-(w x + b)))" in text
    assert "1 / exp(-(w x + b) + 1)" in text
    says("bracket", "--out", "b.json")
    assert [t["loss"] for t in json.loads((folder / "b.json").read_text(encoding="utf-8"))] == [0.5, np.exp(-1)]


def test_ones_own_network(folder):
    rows = ("net.py:Net", "--input", "0.5,-1,2;1,0,1", "--target", "0,1", "--optimizer", "adam:lr=0.01")
    output = says(*rows)
    assert "trace    Net: 6 operations" in output
    assert "(cross_entropy)" in output
    assert "layers.4.weight" in output
    (name,) = re.findall(r"wrote    (\S+)", output)
    assert "Net" in (folder / name).read_text(encoding="utf-8")
    data = numbers(folder, *rows)
    operation = data["operations"][0]
    assert operation["inputs"][0]["numbers"] == [[0.5, -1, 2], [1, 0, 1]]
    assert operation["where"] == "net.py:12"
    assert data["optimizer"] == "adam(lr=0.01)"
    (target,) = [v for o in data["operations"] for v in o["inputs"] if v["kind"] == "target"]
    assert target["numbers"] == [0, 1]


def test_the_numbers_are_those_of_a_trace_in_python(folder):
    save()
    data = numbers(folder, "net.py:double", "--input", "x.npy", "--target", "y.pt")
    weights = {p["name"]: torch.tensor(p["value"]["numbers"], dtype=torch.float64) for p in data["parameters"]}
    layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    layers.load_state_dict({name.removeprefix("layers."): weight for name, weight in weights.items()})
    x, y = torch.from_numpy(np.load("x.npy")), torch.load("y.pt").double()
    found = losslab.trace(layers, x, y, "mse_loss")
    assert data["loss"] == found.loss
    assert data["parameters"][0]["gradient"] == found["0.weight"].gradient.tolist()


def save():
    np.save("x.npy", np.arange(12.0).reshape(4, 3) / 7)
    torch.save(torch.arange(8.0).reshape(4, 2) / 5, "y.pt")
    np.save("labels.npy", np.array([0, 1, 1, 0]))


def test_random_inputs_follow_the_seed(folder):
    words = ("net.py:Net", "--input", "4 x 3", "--target", "4x2")
    one, same, other = (numbers(folder, *words, "--seed", seed) for seed in ("3", "3", "4"))
    assert one["loss"] == same["loss"] != other["loss"]
    assert one["operations"][0]["inputs"][0]["shape"] == [4, 3]
    assert one["loss_name"] == "mse_loss"


@pytest.mark.parametrize(
    ("words", "loss", "target"),
    [
        (["--input", "4x3", "--target", "0,1,1,0"], "cross_entropy", [0, 1, 1, 0]),
        (["--input", "2x3", "--target", "0,1;1,0"], "mse_loss", [[0, 1], [1, 0]]),
        (["--input", "2x3", "--target", "0, 1 ; 1, 0;", "--loss", "l1_loss"], "l1_loss", [[0, 1], [1, 0]]),
        (["--input", "1,2,3", "--target", "0,1"], "mse_loss", [0, 1]),
        (["--input", "1,2,3", "--target", "1"], "cross_entropy", 1),
        (["--input", "2x3", "--target", "1;0", "--loss", "cross_entropy"], "cross_entropy", [1, 0]),
        (["--input", "x.npy", "--target", "labels.npy"], "cross_entropy", [0, 1, 1, 0]),
        (["--input", "1e-1,-.5,+2", "--target", "0.5,1", "--loss", "net.py:squares"], "squares", [0.5, 1]),
    ],
)
def test_what_a_target_means(folder, words, loss, target):
    save()
    data = numbers(folder, "net.py:Net", *words)
    assert data["loss_name"] == loss
    (found,) = {json.dumps(v["numbers"]) for o in data["operations"] for v in o["inputs"] if v["kind"] == "target"}
    assert json.loads(found) == target


def test_a_loss_of_ones_own_without_a_target_and_a_module_that_is_there(folder):
    data = numbers(folder, "net.py:ready", "--input", "1,2,3", "--loss", "net.py:largest")
    assert (data["title"], data["loss_name"]) == ("ready", "largest")


def test_networks_by_name(folder):
    data = numbers(folder, "mlp:4", "--input", "2x3", "--target", "0,2")
    assert [p["value"]["shape"] for p in data["parameters"]] == [[4, 3], [4], [3, 4], [3]]
    data = numbers(folder, "linear", "--input", "2x3", "--target", "2x1")
    assert [p["value"]["shape"] for p in data["parameters"]] == [[1, 3], [1]]


def test_layers(folder):
    output = says("net.py:Net", "--input", "4x3", "--target", "4x2", "--detail", "layers")
    assert "shown by layers" in output
    output = says("mlp", "--input", "4x3", "--target", "4x2")
    assert "note     more than 2,000 numbers" in output


OWN = ["net.py:Net", "--input", "4x3", "--target", "4x2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tow_layer"], "no model 'tow_layer'; nearest: two_layer; known: two_layer, bracket, mlp, resmlp, linear"),
        (["net.py", *OWN[1:]], "name the model in it too, as in net.py:Net"),
        (["net.py:Nett", *OWN[1:]], "net.py has no 'Nett'; nearest: Net"),
        (["nett.py:Net", *OWN[1:]], "no file nett.py; nearest: net.py"),
        (["net.py:three", *OWN[1:]], "net.py:three"),
        (
            ["net.py:needs", *OWN[1:]],
            "missing 1 required positional argument: 'width'. Write a factory that needs none",
        ),
        (["net.py:squares", *OWN[1:]], "Write a factory that needs none"),
        (["net.py:Wrong", *OWN[1:]], "net.py:17: return self.layers(x[:, :2])"),
        (["net.py:Net"], "--input is missing"),
        (["net.py:Net", "--input", "4x3"], "--target is missing"),
        (["mlp", "--input", "4x3"], "--target is missing"),
        (["mlp", "--input", "4x3", "--loss", "net.py:largest"], "the number of outputs follows from it"),
        (["net.py:Net", "--input", "abc", "--target", "4x2"], "--input 'abc': numbers with commas"),
        (["net.py:Net", "--input", "1,2;3", "--target", "4x2"], "rows of 2, 1 numbers"),
        (["net.py:Net", "--input", "none.npy", "--target", "4x2"], "none.npy: No such file"),
        (["net.py:Net", "--input", "dict.pt", "--target", "4x2"], "--input dict.pt holds a dict; a tensor is wanted"),
        (["net.py:Net", "--input", "objects.npy", "--target", "4x2"], "objects.npy: no numbers can be read from it"),
        (["net.py:Net", "--input", "text.pt", "--target", "4x2"], "text.pt: no numbers can be read from it"),
        (["net.py:Net", "--input", "4x5", "--target", "4x2"], "net.py:12: return self.layers(x)"),
        (["net.py:Net", "--input", "4x3", "--target", "4x3"], "target (4, 3)"),
        (["net.py:Net", "--input", "4x3", "--target", "0,1,1,7"], "label 7 at [3] is out of range"),
        ([*OWN, "--loss", "mse_los"], "nearest: mse_loss"),
        ([*OWN, "--loss", "net.py:nothing"], "net.py has no 'nothing'"),
        ([*OWN, "--optimizer", "adm"], "nearest: adam"),
        ([*OWN, "--optimizer", "sgd:lr=fast"], "lr"),
        ([*OWN, "--optimizer", "sgd:speed=3"], "no hyperparameter or option 'speed'"),
        ([*OWN, "--language", "fr"], "--language 'fr': en or zh"),
        ([*OWN, "--detail", "all"], "'auto', 'numbers' or 'layers'"),
        ([*OWN, "--out", "page.txt"], "--out page.txt: the name ends in .html (the page) or .json"),
        (["two_layer", "--input", "1,2"], "two_layer brings its own input, target and loss"),
        (["two_layer", "--detail", "layers"], "leave out --input, --target, --loss and --detail"),
        (["two_layer", "--optimizer", "muon"], "only matrices"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(folder, words, said):
    torch.save({"a": 1}, "dict.pt")
    np.save("objects.npy", np.array([{}], dtype=object))
    (folder / "text.pt").write_text("no tensor", encoding="utf-8")
    output = says(*words, code=2)
    assert said in " ".join(output.split())
    assert "wrote" not in output
    assert not list(folder.glob("*.html"))


def test_debug_shows_where():
    result = CliRunner().invoke(app, ["trace", "net.py:Net", "--input", "abc", "--target", "1", "--debug"])
    assert isinstance(result.exception, ValueError)
