"""The course's programs print the numbers that they ought to, which stand here, worked out without them."""

import math
import os
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "examples" / "course"
PROGRAMS = sorted(path.name for path in COURSE.glob("*.py"))
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w])")
LONGEST = 60  # lines that are not blank: a program is read from top to bottom in one go


def run(program: str, folder: Path) -> str:
    """What a program prints, in a process and a folder of its own, with warnings as errors."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", str(COURSE / program)]
    folder.mkdir()
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, f"{program}:\n{ran.stderr[-3000:]}"
    return ran.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """`course(number)`: what that program prints. The next one runs beside it."""
    folder = tmp_path_factory.mktemp("course")
    started: dict[str, Future[str]] = {}

    def printed(number: str) -> str:
        place = next(place for place, name in enumerate(PROGRAMS) if name.startswith(number))
        for name in PROGRAMS[place : place + 2]:
            if name not in started:
                started[name] = pool.submit(run, name, folder / name.removesuffix(".py"))
        return started[PROGRAMS[place]].result()

    with ThreadPoolExecutor(2) as pool:
        yield printed


def lines(text: str, start: str) -> list[list[float]]:
    """The numbers of each line that begins with these words, without the words."""
    found = [line.removeprefix(start) for line in text.splitlines() if line.startswith(start)]
    assert found, f"no line begins with {start!r}:\n{text}"
    return [[float(number) for number in NUMBER.findall(line)] for line in found]


def numbers(text: str, start: str) -> list[float]:
    (found,) = lines(text, start)
    return found


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))


def rounded(values, digits=4):
    """As a program that prints so many digits shows them; half a unit of the last digit is let pass."""
    return pytest.approx(np.asarray(values, dtype=np.float64).tolist(), abs=0.501 * 10**-digits, rel=0)


def test_regression_losses(course):
    text = course("01")
    assert numbers(text, "exam   missing") == rounded([70, 23.3333])
    assert numbers(text, "exam   L1") == rounded([70, 23.3333])
    assert numbers(text, "L1     mean") == rounded([0.6667] * 3)
    assert numbers(text, "L1     sum") == rounded([2] * 2)
    assert numbers(text, "MSE    mean") == rounded([1.3333] * 3)
    assert numbers(text, "MSE    sum") == rounded([4] * 2)
    assert numbers(text, "MSE    each") == [0, 0, 4]
    assert numbers(text, "L1     of [4, 5, 6] against [1, 2, 3]") == rounded([3])
    assert numbers(text, "MSE    of [6, 3, 2] against [1, 4, 5]") == rounded([11.6667])
    assert numbers(text, "L1     of 3 + 4i against 0") == rounded([5])
    assert numbers(text, "SmoothL1") == rounded([0.4688] * 3)
    # Errors 2, .5, .5, .5. delta 1: (1.5 + 3 / 8) / 4. delta .5: (.5 (2 - .25) + 3 / 8) / 4.
    assert lines(text, "Huber  delta") == [rounded([1, 0.4688, 1, 0.4688]), rounded([0.5, 0.3125, 0.5, 0.625])]
    shapes, brackets = [line for line in text.splitlines() if line.startswith("error")]
    assert "(4,)" in shapes
    assert "(4, 1)" in shapes
    assert "round brackets" in brackets


def test_cross_entropy(course):
    text = course("02")
    assert sum(numbers(text, "probabilities")) == pytest.approx(1, abs=2e-4)
    assert lines(text, "by hand") == [rounded([1.1019])] * 2
    assert numbers(text, "by function") == numbers(text, "by class") == rounded([1.1019])
    assert numbers(text, "batch") == rounded([0.6422] * 2)
    assert numbers(text, "two steps") == rounded([0.6422])
    first = math.log(math.exp(1.5) + math.exp(2) + math.exp(0.5)) - 2
    second = math.log(math.exp(0.5) + math.exp(1) + math.exp(1.5)) - 1.5
    assert numbers(text, "each row") == rounded([first, second])
    # 5 % on each of the other two classes, whose scores are .5 and 1.5 below the right one's, or 1 and .5.
    soft = (first + second + 0.05 * (0.5 + 1.5) + 0.05 * (1 + 0.5)) / 2
    assert numbers(text, "soft labels") == numbers(text, "by smoothing") == rounded([soft])
    assert numbers(text, "weighted") == rounded([(first + 3 * second) / 4] * 2)
    assert numbers(text, "one ignored") == rounded([first])
    gradient = np.exp([1.5, 2, 0.5]) / np.exp([1.5, 2, 0.5]).sum() - [0, 1, 0]
    assert numbers(text, "gradient") == numbers(text, "p - y") == rounded(gradient)


def test_binary_cross_entropy(course):
    text = course("03")
    each = [-math.log(p) for p in (0.7, 0.8, 0.9, 0.3)]  # the probability that was given to what was true
    assert numbers(text, "each") == rounded(each)
    assert numbers(text, "by hand") == numbers(text, "by function") == numbers(text, "by class") == rounded([0.4723])
    assert numbers(text, "from logits") == rounded([0.4723] * 2)
    assert text.splitlines()[6].split() == ["two", "steps", "inf"]
    assert numbers(text, "in one") == rounded([200])
    assert numbers(text, "pos_weight 3") == rounded([(3 * each[0] + each[1] + 3 * each[2] + each[3]) / 4] * 2)
    # The curves at five probabilities: -log(p), -1 / p where the answer is yes, their mirror images where it is no.
    p = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    yes, no = (row[1:] for row in lines(text, "binary_cross_entropy, y ="))
    assert yes == pytest.approx(-np.log(p), rel=1e-3)
    assert no == pytest.approx(-np.log(1 - p), rel=1e-3)
    assert [row for row in lines(text, "   ") if len(row) == 5][-1] == pytest.approx(1 / (1 - p), rel=1e-3)
    assert [row for row in lines(text, "   ") if len(row) == 5][-2] == pytest.approx(-1 / p, rel=1e-3)
    assert "picture: binary_cross_entropy.png" in text


def test_chain_rule_three_ways(course):
    text = course("04")
    assert numbers(text, "hidden") == rounded([0.5932699921, 0.5968843783], 10)
    assert numbers(text, "output") == rounded([0.7513650696, 0.7729284653], 10)
    assert numbers(text, "loss") == rounded([0.2983711088], 10)
    assert numbers(text, "dw1") == rounded([0.0004385677] * 3, 10)
    assert numbers(text, "dw5") == rounded([0.0821670406] * 3, 10)
    assert numbers(text, "dw7") == rounded([-0.0226025405] * 3, 10)
    for bias, gradient in (("db1", 0.0187), ("db2", 0.1004)):
        found = numbers(text, bias)
        assert found == rounded([gradient] * 3)
        assert len(set(found)) == 1  # to all the ten digits that are printed
    # Both paths to w1: from the loss to an output, through its sigmoid, the weight, the hidden sigmoid, the input.
    o1, o2, h1 = 0.7513650696, 0.7729284653, 0.5932699921
    paths = [
        [o1 - 0.01, o1 * (1 - o1), 0.40, h1 * (1 - h1), 0.05],
        [o2 - 0.99, o2 * (1 - o2), 0.50, h1 * (1 - h1), 0.05],
    ]
    found = lines(text, "path")
    assert [row[:-1] for row in found] == [rounded(factors) for factors in paths]
    assert [row[-1] for row in found] == rounded([math.prod(factors) for factors in paths], 9)
    assert sum(row[-1] for row in found) == pytest.approx(0.0004385677, abs=2e-10)
    assert "page: two_layer.html" in text
    assert numbers(text, "new w1") == rounded([0.1497807161] * 2 + [0.3589164797] * 2, 10)
    assert numbers(text, "new b1") == rounded([0.3406] * 2 + [0.5498] * 2)


def test_bracket(course):
    text = course("05")
    assert numbers(text, "Sigmoid") == rounded([0.5, 0.25, 0.25])
    assert numbers(text, "LookAlike") == rounded([0.3679] * 3)
    steps = [line.split() for line in text.splitlines() if line.startswith("    ")]
    assert [name for name, _ in steps] == [
        *("mul", "add", "neg", "exp", "add", "rtruediv"),
        *("mul", "add", "neg", "add", "exp", "rtruediv"),
    ]
    assert [float(value) for _, value in steps] == rounded([0, 0, 0, 1, 2, 0.5, 0, 0, 0, 1, math.e, 1 / math.e])
    for x in (-4.0, 0.0, 1.0, 4.0):
        assert numbers(text, f"at {x:4.1f}") == rounded([sigmoid(x), sigmoid(x), math.exp(x - 1)])


def test_gradients_none_then_set(course):
    text = course("06")
    shapes = [line.split(maxsplit=1) for line in text.splitlines()[:9]]
    assert shapes == [
        ["Conv2d", "(4, 32, 32, 32)"],
        ["MaxPool2d", "(4, 32, 16, 16)"],
        ["Conv2d", "(4, 32, 16, 16)"],
        ["MaxPool2d", "(4, 32, 8, 8)"],
        ["Conv2d", "(4, 64, 8, 8)"],
        ["MaxPool2d", "(4, 64, 4, 4)"],
        ["Flatten", "(4, 1024)"],
        ["Linear", "(4, 64)"],
        ["Linear", "(4, 10)"],
    ]
    first = numbers(text, "first loss")[0]
    assert first == pytest.approx(math.log(10), abs=0.2)
    assert "before backward: {'0.weight': None, '8.bias': None}" in text
    after = [line.split() for line in text.splitlines() if line.startswith("after backward")]
    assert [words[2] for words in after] == [f"{i}.{kind}" for i in (0, 2, 4, 7, 8) for kind in ("weight", "bias")]
    assert all(float(words[-1]) > 0 for words in after)
    assert "after backward: 7.weight (64, 1024)" in text
    assert numbers(text, "zero_grad forgotten") == rounded([2])
    (left_over,) = [line for line in text.splitlines() if line.startswith("trace: 0.weight, 0.bias")]
    assert "had a gradient before" in left_over
    assert "zero_grad()" in left_over
    assert "after zero_grad: None" in text
    assert numbers(text, "zero_grad called") == rounded([1])
    assert numbers(text, "loss after a step of SGD")[0] < first


def test_batch_sizes(course):
    text = course("07")
    # The same points, and the same descent in batches of all rows, as powers of a matrix.
    x = np.linspace(-1, 1, 120)
    y = 2 * x + 1 + 0.3 * np.sin(37 * x)
    rows = np.stack([x, np.ones(120)], axis=1)
    best = np.linalg.lstsq(rows, y)[0]
    left = np.linalg.matrix_power(np.eye(2) - 0.1 * 2 * rows.T @ rows / 120, 40) @ (0 - best)

    def loss(solution):
        return ((rows @ solution - y) ** 2).mean()

    assert numbers(text, "best") == rounded([*best, loss(best)])
    assert numbers(text, "batch ")[:5] == rounded([120, 40, *(best + left), loss(best + left)])
    mini, single, slow = (numbers(text, start) for start in ("mini-batch", "stochastic", "lr 0.01"))
    assert mini[:2] == [12, 400]
    assert single[:2] == [1, 4800]
    for found in (mini[2:], single[2:], slow):
        assert found[:2] == pytest.approx(best, abs=0.1)
        assert loss(best) - 1e-4 <= found[2] < loss(best + left)
    assert single[-1] > 3 * mini[-1]  # jumps
    assert single[-1] > 3 * slow[-1]
    again = [row[-1] for row in lines(text, "losslab")]
    assert again[0] == rounded(loss(best + left))
    assert again == pytest.approx([loss(best + left), mini[4], single[4]], abs=5e-3)
    assert "page: batch_sizes.html" in text


def test_moving_averages(course):
    text = course("08")
    assert numbers(text, "arithmetic mean") == rounded([267.95 / 20])
    assert numbers(text, "weighted mean") == rounded([3055.17 / 210])
    assert numbers(text, "mean of the last 5") == rounded([(15.21 + 15.64 + 16 + 16.89 + 17.9) / 5])
    assert numbers(text, "beta 0.5  ") == rounded([17.0721] * 2)
    assert numbers(text, "beta 0.9  ") == rounded([14.0623] * 2)
    assert numbers(text, "weights at beta 0.5") == [0.5, 0.25, 0.125, 0.0625, 0.03125]
    # Started at the first day, that day has the weight of all days before it: .9^20 * 10 more than from zero.
    zero = 14.0623 - 10 * 0.9**20
    assert numbers(text, "from zero") == rounded([1, 0.9 + 1.05, zero], 3)
    right = [10, 1.95 / (1 - 0.81), zero / (1 - 0.9**20)]
    assert numbers(text, "with bias correction") == rounded(right, 3)
    assert numbers(text, "the same by losslab") == numbers(text, "with bias correction")[-1:]


def test_optimisers(course):
    text = course("09")
    assert numbers(text, "before") == rounded([0.2983711], 7)
    last = {"sgd": 0.0012220, "adagrad": 0.0000433, "rmsprop": 0.0013032, "adam": 0.0427087}
    for name, loss in last.items():
        assert numbers(text, name)[:2] == rounded([loss] * 2, 7)
    arrivals = [(line.split()[1], int(line.split()[-2])) for line in text.splitlines() if line.startswith("ravine")]
    assert [name for name, _ in arrivals] == ["sgd", "sgd", "adagrad", "rmsprop", "adam"]
    assert arrivals[1][1] < arrivals[0][1]  # momentum
    assert "page: ravine.html" in text


def test_custom_loss(course):
    text = course("10")
    assert lines(text, "two parcels") == [rounded([3.5])] * 3  # (3 * 2 + 1) / 2
    passed = text.partition("checks passed: ")[2].partition("\n")[0].split(", ")
    assert {"cases", "gradients", "extremes"} <= set(passed)
    own = [numbers(text, f"trained with {name} ")[0] for name in ("promise_loss", "PromiseModule", "promise")]
    assert own == pytest.approx([own[0]] * 3, rel=1e-3)  # one loss in three forms
    assert own[0] < numbers(text, "trained with mse_loss")[0]
    assert "three times too large: divided by rows (4), not by elements (12)" in text


def test_learning_rate_grid(course):
    text = course("11")
    found = dict(row for row in lines(text, "lr ") if len(row) == 2)
    assert list(found) == [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]
    assert found[1e-4] < 0.2
    assert found[1] > 0.93
    assert found[100] == 0
    assert "lr 100: its gradient was not finite" in text
    assert "best lr 1, at an end of the grid: False" in text
    for seed in (1, 2):
        rate, best, second, worse = numbers(text, f"seed {seed}: lr")
        assert (rate, second) == (1, 0.1)
        assert best > worse
    assert numbers(text, "tune")[0] == 82
    assert numbers(text, "best of them")[-1] > 0.93
    test, low, high = numbers(text, "test part")[0], *numbers(text, "test part")[-2:]
    assert low < test < high
    assert test > 0.9


def test_train_the_cnn(course):
    text = course("12")
    epochs, fitted = lines(text, "epoch"), lines(text, "fit")
    assert [row[0] for row in epochs] == [row[0] for row in fitted] == list(range(1, 7))
    losses = [row[1] for row in epochs]
    assert losses[0] == pytest.approx(math.log(10), abs=0.1)
    assert losses == sorted(losses, reverse=True)
    assert epochs[0][2] < 0.5 < epochs[-1][2]
    assert fitted[0][2] < 0.5 < fitted[-1][2]


def test_every_program_is_tested_listed_and_short():
    source = Path(__file__).read_text(encoding="utf-8")
    listed = (COURSE / "README.md").read_text(encoding="utf-8")
    for number, program in enumerate(PROGRAMS, 1):
        assert program.startswith(f"{number:02}_")
        assert f'course("{number:02}")' in source, program
        assert f"[{program}]({program})" in listed
        code = [line for line in (COURSE / program).read_text(encoding="utf-8").splitlines() if line.strip()]
        assert len(code) <= LONGEST, program
