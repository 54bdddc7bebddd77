import ast
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from report_examples import digits
from torch import nn

import losslab
from losslab.catalog import CATALOGUE
from losslab.report.export import best_loss_snippet, optimizer_line, snippet_of, write_best_loss
from losslab.spec.interval import POSITIVE, Interval
from losslab.spec.record import LossRecord, Parameter, parameters_of
from losslab.testing.samples import into

ADAMW = {"name": "adamw", "lr": 0.003, "weight_decay": 0.01, "batch_size": 64}
FLOOR = 1e-3


def _raised(x, power):
    return x.abs().clamp(min=FLOOR) ** power


def weighted_power(input, target, *, power: float = 2.0, width: float = 1.0):
    """Counts an element by how large its target is: the mean divides by the sum of these weights."""
    weight = 1 + target.abs()
    return weight * _raised((input - target) / width, power), weight


def record_of(rule, **facts):
    bounds = {"power": Parameter(Interval(1, 3)), "width": Parameter(POSITIVE, unit="target")}
    return LossRecord(
        name=rule.__name__, rule=rule, kind="pointwise", formula="", source="", tasks=("regression",), outputs="one",
        link="identity", target="real", cases=(), parameters=parameters_of(rule, bounds), **facts,
    )  # fmt: skip


def load(path) -> dict:
    space: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space


FROM_SETS = [name for name, record in CATALOGUE.items() if record.layout is not None and not record.untunable]
EXPORTED = [name for name, r in CATALOGUE.items() if r.layout is None and not r.per_class] + FROM_SETS
COUNTED = [name for name, record in CATALOGUE.items() if record.per_class]


def chosen(record) -> dict:
    """Not the defaults: a value inside the domain."""
    fixed = {"p": 2, "label_smoothing": 0.13, "pos_weight": 2.5, "clip": 0.1, "alpha": 0.6, "quantile": 0.3, "q": 0.4}

    def near(name, one):
        wished = (fixed.get(name, one.default * 1.7), one.default * 1.7, one.default * 0.8)
        return next(value for value in wished if value in one.domain)

    return {name: near(name, one) for name, one in record.parameters.items()}


def batches(record):
    """Ordinary calls: several shapes, soft and hard targets, half precision, labels that are ignored."""
    g = torch.Generator().manual_seed(3)
    if record.layout is not None:
        for shape in ((7, 4), (5, 2), (4, 3, 2)):
            x = torch.randn(shape, generator=g)
            grades = record.outputs == "thresholds"
            y = torch.randint(shape[-1] + 1, shape[:-1], generator=g) if grades else (x + x.roll(1) > 0.4).float()
            yield x, y
            yield x.double(), y
        return
    if record.kind == "rowwise":
        for shape, rest in (((7, 5), (7,)), ((4, 3, 2), (4, 2)), ((6,), ())):
            x = torch.randn(shape, generator=g)
            x = x.log_softmax(min(len(shape) - 1, 1)) if record.link == "exp" else x
            classes = shape[min(len(shape) - 1, 1)]
            y = torch.randint(classes, rest, generator=g)
            yield x, y
            yield x.half(), y.to(torch.int32)
            if record.takes_ignore_index and rest:
                yield x, torch.where(torch.arange(y.numel()).view(rest) % 3 == 0, -100, y)
            if record.target == "class or distribution":
                yield x, torch.rand(shape, generator=g).softmax(min(len(shape) - 1, 1))
        return
    for shape in ((9,), (4, 3)):
        x, y = torch.randn(shape, generator=g), torch.randn(shape, generator=g)
        if record.target == "real":
            x, y = into(record.input_domain, x), into(record.target_domain, y)
        if record.target == "probability":
            y = (y > 0.3).float()
            x = x.sigmoid() if record.link == "identity" else x
        y = y.sign() if record.target == "sign" else y
        yield x, y
        yield x.double(), y
        yield x.half().float().half(), y


RUN = """
import sys
from pathlib import Path
sys.modules["losslab"] = None
import torch
folder = sys.argv[1]
work = torch.load(folder + "/sample.pt")
found = {}
for name, batches in work.items():
    space = {}
    exec(compile(Path(folder, name + ".py").read_text(encoding="utf-8"), name, "exec"), space)
    loss = space["BestLoss"]()
    assert "losslab" not in repr(sorted(k for k, v in sys.modules.items() if v is not None and k.startswith("losslab")))
    found[name] = []
    for x, y in batches:
        x = x.clone().requires_grad_()
        value = loss(x, y)
        value.backward()
        found[name].append((value.detach(), x.grad))
torch.save(found, folder + "/found.pt")
"""


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Every loss of the catalogue, exported and run where losslab cannot be imported."""
    folder = tmp_path_factory.mktemp("exported")
    for record in map(CATALOGUE.__getitem__, EXPORTED):
        write_best_loss(record, chosen(record), folder / f"{record.name}.py", optimizer=ADAMW, target_scale=3.0)
    torch.save({name: list(batches(CATALOGUE[name])) for name in EXPORTED}, folder / "sample.pt")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(folder)], capture_output=True, text=True, cwd=folder, check=False
    )
    assert run.returncode == 0, run.stderr
    return torch.load(folder / "found.pt"), folder


@pytest.mark.parametrize("name", EXPORTED)
def test_the_file_gives_what_the_record_gives(everything, name):
    found, _ = everything
    record = CATALOGUE[name]
    work = list(batches(record))
    assert len(work) == len(found[name]) >= 6
    for (x, y), (value, grad) in zip(work, found[name], strict=True):
        x = x.clone().requires_grad_()
        with losslab.backend("rule"):  # which is what was exported; a kernel rounds elsewhere
            expected = record(x, y, **chosen(record))
        expected.backward()
        torch.testing.assert_close(value, expected.detach(), rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(grad, x.grad, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", EXPORTED)
def test_the_file_is_plain_and_whole(everything, name):
    _, folder = everything
    text = (folder / f"{name}.py").read_text()
    tree = ast.parse(text)
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= {"torch", "math", "__future__"}
    assert "@loss" not in text
    assert "torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.01)  # batch_size 64" in text
    assert ("target_scale" in text) == any(p.unit != "none" for p in CATALOGUE[name].parameters.values())


@pytest.mark.parametrize("name", COUNTED)
def test_the_file_holds_the_counts_of_the_classes(tmp_path, name):
    record, counts = CATALOGUE[name], [70.0, 9.0, 21.0]
    path = write_best_loss(record, {**chosen(record), "class_counts": counts}, tmp_path / "best_loss.py")
    x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [0.0, 1.0, 0.5]])
    y = torch.tensor([0, 1, 2])
    expected = record(x, y, class_counts=torch.tensor(counts), **chosen(record))
    torch.testing.assert_close(load(path)["BestLoss"]()(x, y), expected)


def test_by_hand_huber_in_the_targets_unit(tmp_path):
    path = write_best_loss(CATALOGUE["huber"], {"delta": 4.0}, tmp_path / "best_loss.py", target_scale=2.0)
    space = load(path)
    x, y = torch.tensor([1.0, 10.0]), torch.tensor([0.0, 0.0])
    assert space["BestLoss"]()(x, y).item() == pytest.approx((0.5 + 4 * (10 - 2)) / 2)
    scaled = space["BestLoss"](target_scale=2.0)  # delta is 2 in units of the standardised targets
    assert scaled(x / 2, y / 2).item() == pytest.approx((0.125 + 2 * (5 - 1)) / 2)
    assert space["BestLoss"](delta=1.0)(x, y).item() == pytest.approx((0.5 + 9.5) / 2)
    assert "BestLoss(target_scale=2.0)  # for targets divided by 2.0" in path.read_text()


def test_class_weights_are_exported(tmp_path):
    path = write_best_loss(CATALOGUE["cross_entropy"], {"weight": [1.0, 3.0, 0.5]}, tmp_path / "best_loss.py")
    x, y = torch.tensor([[1.0, 2.0, 0.0], [0.5, 0.1, -1.0]]), torch.tensor([1, 2])
    expected = F.cross_entropy(x, y, weight=torch.tensor([1.0, 3.0, 0.5]))
    torch.testing.assert_close(load(path)["BestLoss"]()(x, y), expected)


def test_a_rule_with_weights_helpers_and_constants(tmp_path):
    path = write_best_loss(record_of(weighted_power), {"power": 3.0, "width": 2.0}, tmp_path / "best_loss.py")
    x, y = torch.tensor([1.0, -2.0, 4.0]), torch.tensor([0.0, 1.0, 4.0])
    terms = [1 * (1 / 2) ** 3, 2 * (3 / 2) ** 3, 5 * FLOOR**3]
    assert load(path)["BestLoss"]()(x, y).item() == pytest.approx(sum(terms) / 8)


def test_nothing_to_average_is_zero(tmp_path):
    path = write_best_loss(CATALOGUE["cross_entropy"], {}, tmp_path / "best_loss.py")
    x = torch.randn(2, 3, requires_grad=True)
    value = load(path)["BestLoss"]()(x, torch.tensor([-100, -100]))
    value.backward()
    assert value.item() == 0
    assert not x.grad.any()


def test_shapes_that_do_not_match_are_refused(tmp_path):
    loss = load(write_best_loss(CATALOGUE["mse_loss"], {}, tmp_path / "a.py"))["BestLoss"]()
    with pytest.raises(ValueError, match=r"\(3,\), target \(3, 1\)"):
        loss(torch.zeros(3), torch.zeros(3, 1))
    loss = load(write_best_loss(CATALOGUE["focal_loss"], {}, tmp_path / "b.py"))["BestLoss"]()
    with pytest.raises(ValueError, match=r"\(4,\), expected \(3,\)"):
        loss(torch.zeros(3, 4), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize(
    ("name", "threshold", "output", "labels"),
    [
        ("binary_cross_entropy_with_logits", -0.4, [-0.5, -0.3, 2.0], [0, 1, 1]),
        ("binary_cross_entropy", 0.4054651, [0.59, 0.61, 0.2], [0, 1, 0]),  # log odds of 0.6
        ("cross_entropy", 1.5, [[0.0, 1.4], [0.0, 1.6]], [0, 1]),
        ("cross_entropy", [0.0, 0.7, 0.0], [[1.0, 0.5, 0.0], [1.0, 0.2, 1.1]], [1, 2]),
        ("sigmoid_focal_loss", [-0.4, 1.0], [[-0.3, 0.9], [-0.5, 1.1]], [[1, 0], [0, 1]]),  # one for each label
        # three grades: chances to lie above 0.6 and 0.5, so 0.4, 0.1 and 0.5; crossed outputs are put in order
        ("all_threshold_loss", [0.0, 0.0, 0.0], [[0.4054651, 0.0], [0.0, 0.4054651]], [2, 2]),
        ("all_threshold_loss", [0.3, 0.0, 0.0], [[0.4054651, 0.0], [2.0, 1.0]], [0, 2]),  # 0.4 e^0.3 > 0.5
    ],
)
def test_the_threshold_goes_with_it(tmp_path, name, threshold, output, labels):
    space = load(write_best_loss(CATALOGUE[name], {}, tmp_path / "best_loss.py", threshold=threshold))
    assert space["predict"](torch.tensor(output)).tolist() == labels


def test_a_parameter_per_unit_of_the_target_is_multiplied(tmp_path):
    path = write_best_loss(CATALOGUE["negative_binomial_nll_loss"], {"dispersion": 0.5}, tmp_path / "b.py")
    assert load(path)["BestLoss"](target_scale=4.0).dispersion == 2.0
    assert load(path)["BestLoss"]().dispersion == 0.5


def test_without_a_threshold_there_is_no_predict(tmp_path):
    assert "predict" not in load(write_best_loss(CATALOGUE["mse_loss"], {}, tmp_path / "best_loss.py"))


def own_loss(input, target):
    return F.l1_loss(input, target, reduction="none") * 3


class OwnLoss(nn.Module):
    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def extra_repr(self):
        return f"alpha={self.alpha}"

    def forward(self, input, target):
        return self.alpha * (input - target).abs().mean()


def test_a_function_of_the_users_is_copied(tmp_path):
    path = write_best_loss(own_loss, {}, tmp_path / "best_loss.py", optimizer=ADAMW, origin="From a test.")
    assert load(path)["BestLoss"]()(torch.tensor([1.0, 4.0]), torch.tensor([0.0, 2.0])).item() == 4.5


def test_what_cannot_be_copied_is_named(tmp_path):
    text = write_best_loss(OwnLoss(alpha=2), {}, tmp_path / "a.py", optimizer=ADAMW).read_text()
    ast.parse(text)
    assert "from test_export import OwnLoss" in text
    assert "OwnLoss(alpha=2)" in text
    scale = 2.0
    text = write_best_loss(lambda input, target: scale * (input - target), {}, tmp_path / "b.py").read_text()
    ast.parse(text)
    assert "could not be copied" in text

    space: dict = {}
    exec("def typed(input, target, *, power=2.0, width=1.0):\n    return input", space)
    text = write_best_loss(record_of(space["typed"]), {"power": 2.5}, tmp_path / "c.py").read_text()
    ast.parse(text)
    assert "with power 2.5" in text


def test_texts_cannot_end_the_docstring(tmp_path):
    origin = 'data """\nimport os\n\\'
    path = write_best_loss(CATALOGUE["mse_loss"], {}, tmp_path / "best_loss.py", origin=origin)
    tree = ast.parse(path.read_text())
    assert "os" not in {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}


def test_names_cannot_write_code(tmp_path):
    hostile = 'x"""\nimport os\x00\u202e\n'
    record = replace(record_of(weighted_power), name=hostile)
    path = write_best_loss(record, {"power": 2.0}, tmp_path / "a.py", optimizer={"name": hostile, "lr": 0.1})
    text = path.read_text(encoding="utf-8")
    assert not set("\u202e\x00") & set(text)
    assert "os" not in {a.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
    assert load(path)["BestLoss"]()(torch.tensor([3.0]), torch.tensor([0.0])).item() == pytest.approx(9.0)

    def plain(input, target):
        return input - target

    plain.__name__ = hostile
    text = write_best_loss(plain, {}, tmp_path / "b.py").read_text(encoding="utf-8")
    assert "could not be copied" in text
    assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import)]
    lines = best_loss_snippet(hostile, {hostile: 1.0}, {"name": hostile, "lr": 0.1}).splitlines()
    assert [line for line in lines if line.startswith("import")] == ["import torch"]


def test_optimizer_lines_are_torchs():
    model = nn.Linear(2, 1)
    line = optimizer_line({"name": "adam", "lr": 0.02, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6, "epochs": 9})
    assert line == (
        "optimizer = torch.optim.Adam(model.parameters(), lr=0.02, eps=1e-06, betas=(0.8, 0.99))  # epochs 9"
    )
    space = {"torch": torch, "model": model}
    exec(line, space)
    assert space["optimizer"].defaults["betas"] == (0.8, 0.99)
    assert "torch.optim.RMSprop(" in optimizer_line({"name": "rmsprop", "lr": 0.1})
    line = optimizer_line({"name": "rprop", "lr": 0.1, "etaplus": 1.5})
    assert line == "optimizer = torch.optim.Rprop(model.parameters(), lr=0.1, etas=(0.5, 1.5))"
    assert "torch.optim.SparseAdam(" in optimizer_line({"name": "sparse_adam", "lr": 0.1})
    assert optimizer_line({"name": "mine", "lr": 0.1}) == "# optimizer: mine lr 0.1"


def test_an_optimizer_that_torch_lacks_is_told_in_words(tmp_path):
    chosen = {"name": "lion", "lr": 0.25, "weight_decay": 0.5}
    line = "# optimizer: Lion lr 0.25, weight_decay 0.5. torch.optim has no lion: "
    line += "its step is losslab.optim.get('lion').update"
    assert optimizer_line(chosen) == line
    path = write_best_loss(CATALOGUE["mse_loss"], {}, tmp_path / "best_loss.py", optimizer=chosen)
    assert line in ast.get_docstring(ast.parse(path.read_text()))


def test_the_snippet_recommends_what_the_verdict_does():
    assert "cross_entropy, label_smoothing 0.04" in snippet_of(digits())
    assert "poly1_cross_entropy, epsilon 1.2" in snippet_of(digits(keep_default=False))
    assert best_loss_snippet("l1_loss", {}).splitlines()[-1] == "loss = BestLoss()  # l1_loss"
