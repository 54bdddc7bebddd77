"""Open issues of torch, and the choices in which losslab differs, as rows: the call, what is right, what torch gives.

A family joins by rows in these tables or by a table of its own in TABLES.
"""

from math import inf, log, nan

from case_rows import Full, Gives, Refuses, Row
from hard_cases import BCE, CE, EACH, LOGITS, POISSON

PINNED = "2.13.0"  # the torch that the tables speak of; the Makefile installs it
PAIR = ([[0.0, log(3)], [log(3), 0.0]], [1, 1])  # cross-entropies ln(4/3) and ln 4
RANGE = "a range is checked with the value and its place, compiled as well as not"
BROADCAST = "shapes must match: (2, 1) against (2,) would compare every prediction with every target"
TORCHS_WARNING = "This will likely lead to incorrect results due to broadcasting"
MIXED = "input and target are computed in their common type"
WORDS = "the same refusal, in words that say what to do"
SHAPES = "shapes must match exactly"
FEWER = "integers of every size are labels"

VALUES = (
    Row("weights: the mean by weight", CE, ([[-200.0, 0.0], [-1000.0, 0.0]], [0, 1]), Gives(4000 / 30),
        options={"weight": [20.0, 10.0]}),
    Row("weights: the mean by count", CE, ([[-200.0, 0.0], [-1000.0, 0.0]], [0, 1]), Gives(2000.0),
        Refuses("unexpected keyword"), options={"weight": [20.0, 10.0], "normalize": "count"},
        issue="#61309, #8062, #65329", why='`normalize="count"` divides the weighted sum by the number of rows'),
    Row("weights after smoothing", CE, PAIR,
        Gives((2 * (0.95 * log(4 / 3) + 0.05 * log(4)) + (0.95 * log(4) + 0.05 * log(4 / 3))) / 3),
        Refuses("unexpected keyword"), options={"label_smoothing": 0.1, "sample_weight": [2.0, 1.0]}, issue="#104776",
        why="`sample_weight` weighs rows after smoothing, so that the best probabilities stay the smoothed labels"),
    Row("weights before smoothing", CE, PAIR,
        Gives((0.9 * (log(4 / 3) + log(4)) + 0.05 * (5 * log(4) + log(4 / 3) + 5 * log(4 / 3) + log(4))) / 2),
        options={"label_smoothing": 0.1, "weight": [5.0, 1.0]}),
    Row("everything ignored", CE, ([[0.0, 3.0]], [-100]), Gives(0.0, [[0.0, 0.0]], warns="nothing to average"),
        Gives(nan, [[0.0, 0.0]]), issue="#70348", policy=True, compatible=True,
        why="nothing counts: 0 with zero gradient and one warning, or what `empty=` asks for"),
    Row("everything ignored, log-probabilities", "nll_loss", ([[-0.5, -1.0]], [-100]),
        Gives(0.0, [[0.0, 0.0]], warns="nothing to average"), Gives(nan, [[0.0, 0.0]]), issue="#70348", policy=True,
        compatible=True, why="nothing counts: 0 with zero gradient and one warning, or what `empty=` asks for"),
    Row("a weight of 0 on an impossible class", CE, ([[-inf, -1.0], [-1.0, -1.0]], [0, 1]),
        Gives(log(2), [[0.0, 0.0], [0.5, -0.5]]), Gives(nan, [[0.0, 0.0], [0.5, -0.5]]),
        options={"weight": [0.0, 1.0]}, why="0 times infinity is 0: a row of weight 0 costs nothing"),
    Row("an ignored class stays in the softmax", CE, ([[0.0, 0.0, log(3)], [0.0, 2.0, 1.0]], [2, 0]),
        Gives(log(5 / 3), [[0.2, 0.2, -0.4], [0.0, 0.0, 0.0]]), options={"ignore_index": 0}),
    Row("a class taken out of the softmax", CE, ([[-inf, 0.0, log(3)]], [2]), Gives(log(4 / 3), [[0.0, 0.25, -0.25]])),
    Row("a distribution with a negative share", CE, ([[0.0, 0.0]], [[1.5, -0.5]]), Refuses("smallest value is -0.5"),
        Gives(log(2)), issue="#152437", policy=True, compatible=True, why="targets of probabilities are probabilities"),
    Row("a distribution that sums to 2", CE, ([[0.0, 0.0]], [[1.0, 1.0]]), Refuses("sums to 2"), Gives(log(4)),
        issue="#152437", policy=True, compatible=True, why="rows of probabilities must sum to one"),
    Row("a distribution that sums to 2, linear", "linear_cross_entropy",
        ([[0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]), Refuses("sums to 2"), Gives(2 * log(2)), policy=True,
        compatible=True, why="rows of probabilities must sum to one"),
    Row("smoothing below 0", CE, ([[0.0, 1.0]], [0]), Refuses("label_smoothing = -3"), Gives(1.3132616875182228),
        options={"label_smoothing": -3.0}, issue="#134767", why="torch takes it for 0"),
    Row("probability target above 1", BCE, ([0.5], [50.0]), Refuses("must lie in [0, 1]"),
        Refuses("between 0 and 1"), why=WORDS),
    Row("probability target above 1, compiled", BCE, ([0.5], [50.0]), Refuses("must lie in [0, 1]"),
        Gives(log(2), [-198.0]), way="inductor", tolerance=1e-9, issue="#193757", why=RANGE),
    Row("negative mean", POISSON, ([-1.0, 2.0], [1.0, 1.0]), Refuses("found values from -1"),
        Gives([nan, 2 - log(2)], [2.00000001, 0.5]), options={"log_input": False} | EACH, tolerance=1e-7,
        issue="#184030", policy=True, compatible=True, why="a mean of counts is not negative"),
    Row("label out of range, margins", "multi_margin_loss", ([[1.0, 2.0]], [2]),
        Refuses("label 2 at [0] is out of range: input has 2 classes"), Refuses("target out of range"),
        issue="#99410", why="the label, its place and the classes are named, on every device"),
)  # fmt: skip

PRECISION = (
    Row("70000 rows in float16", "nll_loss", (Full((70000, 1), -1.0), [0] * 70000), Gives(1.0), Gives(nan),
        dtype="float16", issue="#61523, #29429", why="float16 ends at 65504: sums are made in float32"),
    Row("7000 rows in float16", CE, (Full((7000, 1000), 0.0), [0] * 7000), Gives(6.907755278982137),
        Gives(6.87890625), dtype="float16", tolerance=1e-6, issue="#85791", why="sums are made in float32"),
    Row("labels of int32", CE, ([[1.0, 2.0]], "int32 [1]"), Gives(0.31326168751822286), Refuses("Long or Byte"),
        issue="#45540", why=FEWER),
    Row("labels of bool", CE, ([[1.0, 2.0]], "bool [1]"), Gives(0.31326168751822286), Refuses("Long or Byte"),
        issue="#45540", why=FEWER),
    Row("whole targets", BCE, ([0.5], [1]), Gives(log(2), [-2.0]), Refuses("Found dtype Long"), issue="#842",
        why="integers are targets too"),
    Row("whole targets of logits", LOGITS, ([0.0], [1]), Gives(log(2), [-0.5]), Refuses("can't be cast"), issue="#842",
        why="integers are targets too"),
    Row("complex squares", "mse_loss", ([1 + 2j, 0j], [0j, 1j]), Gives(3.0), Refuses("not implemented"),
        issue="#46642", why="the square of the size of a complex error is real", tolerance=1e-6),
    Row("mixed types", "huber_loss", ([0.5], "float32 [1]"), Gives(0.125, [-0.5]), Refuses("Found dtype Float"),
        policy=True, why=MIXED),
    Row("mixed types of probabilities", BCE, ([0.5], "float32 [1]"), Gives(log(2), [-2.0]),
        Refuses("Found dtype Float"), policy=True, why=MIXED),
    Row("autocast over probabilities", BCE, ([0.5], [1.0]), Gives(log(2), [-2.0]), way="autocast"),
)  # fmt: skip

REQUESTS = (
    Row("weight in the module, squares", "mse_loss", ([1.0, 2.0], [0.0, 0.0]), Gives(3.0, [2 / 3, 8 / 3]),
        Refuses("unexpected keyword"), options={"weight": [1.0, 2.0]}, way="module", issue="#149841",
        why="the module takes what the function takes"),
    Row("weight in the module, absolute", "l1_loss", ([1.0, 2.0], [0.0, 0.0]), Gives(5 / 3, [1 / 3, 2 / 3]),
        Refuses("unexpected keyword"), options={"weight": [1.0, 2.0]}, way="module", issue="#149841",
        why="the module takes what the function takes"),
    Row("weight in the module, Huber", "huber_loss", ([1.0, 2.0], [0.0, 0.0]), Gives(1.75, [0.5, 1.0]),
        Refuses("unexpected keyword"), options={"weight": [1.0, 2.0]}, way="module", issue="#149841",
        why="the module takes what the function takes"),
    Row("a column of labels", CE, ([[1.0, 2.0], [1.0, 3.0]], [[0], [1]]), Refuses("target.squeeze(1)"),
        Refuses("multi-target not supported"), issue="#56542, #133833", why=WORDS),
    Row("classes last", CE, (Full((2, 5, 3), 0.0), [[0, 0, 0, 0, 0]] * 2),
        Refuses("Your classes look like the last dimension"), Refuses("Expected target size [2, 3], got [2, 5]"),
        issue="#56542, #133833", why=WORDS),
    Row("pos_weight of the classes in dimension 1", LOGITS, (Full((2, 3, 4), 0.0), Full((2, 3, 4), 0.0)),
        Refuses("pos_weight has shape (3,)"), Refuses("must match the size of tensor b"),
        options={"pos_weight": [1.0, 2.0, 3.0]}, issue="#27936", why=WORDS),
    Row("weight of the rows", LOGITS, (Full((4, 5), 0.0), Full((4, 5), 0.0)), Refuses("weight has shape (4,)"),
        Refuses("must match the size of tensor b"), options={"weight": [1.0] * 4}, issue="#25174", why=WORDS),
)  # fmt: skip

POLICY = (
    Row("broadcast", "mse_loss", ([[1.0], [2.0]], [1.0, 3.0]), Refuses("Use input.squeeze(1) or target.unsqueeze(1)"),
        Gives(1.5, [[-1.0], [0.0]], warns=TORCHS_WARNING), issue="#26551", policy=True, compatible=True, why=BROADCAST),
    Row("broadcast, absolute", "l1_loss", ([[1.0], [2.0]], [1.0, 3.0]), Refuses("Use input.squeeze(1)"),
        Gives(1.0, warns=TORCHS_WARNING), issue="#26551", policy=True, compatible=True, why=BROADCAST),
    Row("broadcast, smooth", "smooth_l1_loss", ([[1.0], [2.0]], [1.0, 3.0]), Refuses("Use input.squeeze(1)"),
        Gives(0.625, warns=TORCHS_WARNING), issue="#26551", policy=True, compatible=True, why=BROADCAST),
    Row("broadcast, Huber", "huber_loss", ([[1.0], [2.0]], [1.0, 3.0]), Refuses("Use input.squeeze(1)"),
        Gives(0.625, warns=TORCHS_WARNING), issue="#26551", policy=True, compatible=True, why=BROADCAST),
    Row("broadcast, counts", POISSON, ([[1.0], [2.0]], [1.0, 3.0]), Refuses("Use input.squeeze(1)"),
        Gives(2.0536689637627474), policy=True, compatible=True, why=f"{BROADCAST}; torch says nothing"),
    Row("broadcast, distances", "hinge_embedding_loss", ([[1.0], [2.0]], [1.0, -1.0]), Refuses("Use input.squeeze(1)"),
        Gives(0.75), policy=True, compatible=True, why=f"{BROADCAST}; torch says nothing"),
    Row("broadcast, variances", "gaussian_nll_loss", ([[1.0], [2.0]], [1.0, 3.0], [[1.0], [1.0]]),
        Refuses("input has shape (2, 1) and target (2,)"), Gives(0.75), policy=True, compatible=True,
        why=f"{BROADCAST}; torch says nothing"),
    Row("a negative share", "kl_div", ([[-1.0]], [[-0.5]]), Refuses("smallest value is -0.5"), Gives(nan),
        issue="#69230", policy=True, why="targets of probabilities are probabilities"),
    Row("label out of range", CE, ([[0.0, 3.0], [0.0, 0.0]], [0, 255]),
        Refuses("ValueError: cross_entropy: label 255 at [1] is out of range: input has 2 classes"),
        Refuses("IndexError: Target 255 is out of bounds"), policy=True,
        why="a ValueError with the label, its place and the classes; the same on a GPU, where torch stops the process"),
    Row("a batch of one label for scores without rows", "multi_margin_loss", ([1.0, 2.0], [0]),
        Refuses("Use target.squeeze(0)"), Gives(1.0, [-0.5, 0.5]), policy=True, why=SHAPES),
    Row("one score without dimension", "multi_margin_loss", ("float64 1.0", "int64 0"),
        Refuses("input has no dimension"), Gives(0.0, 0.0), policy=True, why=SHAPES),
    Row("one score without dimension, several labels", "multilabel_margin_loss", ("float64 1.0", "int64 0"),
        Refuses("it must have the dimensions"), Gives(0.0, 0.0), policy=True, why=SHAPES),
    Row("a weight for each element of several labels", "multilabel_soft_margin_loss", ([[1.0, 2.0]], [[1.0, 0.0]]),
        Refuses("weight has shape (1, 2)"), Gives(2.283558854763037), options={"weight": [[1.0, 2.0]]}, policy=True,
        why="`weight` is per class; `sample_weight` is per row"),
    Row("yes target above 1, several labels", "multilabel_soft_margin_loss", ([[1.0, 2.0]], [[2.0, 0.0]]),
        Refuses("must lie in [0, 1]"), Gives(0.7200948492805976), policy=True, compatible=True,
        why="a target is the probability of a yes; beyond 1 the loss has no minimum"),
    Row("weights of another type", "nll_loss", ("float32 [[-1.0, -2.0]]", [0]), Gives(1.0),
        Refuses("expected scalar type Float"), options={"weight": [1.0, 2.0]}, policy=True, why=MIXED),
    Row("yes target above 1", LOGITS, ([1.0], [2.0]), Refuses("must lie in [0, 1]"), Gives(-0.6867383124818159),
        policy=True, compatible=True, why="a target is the probability of a yes; beyond 1 the loss has no minimum"),
    Row("negative count", POISSON, ([1.0, 2.0], [-1.0, 1.0]), Refuses("target must lie in [0, inf)"),
        Gives(4.553668963672361), policy=True, compatible=True, why="a count is not negative"),
    Row("size_average", "mse_loss", ([1.0, 2.0], [1.0, 1.0]), Refuses('pass reduction="mean", "sum" or "none"'),
        Gives(1.0, warns="please use reduction='sum'"), options={"size_average": False}, policy=True,
        why="refused with the name of its successor, in torch_compatible() too"),
    Row("negative margin", "multi_margin_loss", ([[1.0, 2.0]], [0]), Refuses("margin = -1 is out of bounds"),
        Gives(0.0), options={"margin": -1.0}, issue="#83241", policy=True, why="parameters out of bounds are refused"),
    Row("negative margin of distances", "hinge_embedding_loss", ([1.0], [-1.0]),
        Refuses("margin = -1 is out of bounds"), Gives(0.0), options={"margin": -1.0}, policy=True,
        why="parameters out of bounds are refused"),
    Row("any power between 1 and 2", "multi_margin_loss", ([[1.0, 2.0]], [0]), Gives(2**1.5 / 2),
        Refuses("only p == 1 and p == 2 supported"), options={"p": 1.5}, policy=True, why="more is accepted"),
    Row("pos_weight as a number", LOGITS, ([0.0], [1.0]), Gives(2 * log(2), [-1.0]), Refuses("must be Tensor"),
        options={"pos_weight": 2.0}, policy=True, why="more is accepted"),
    Row("probabilities for log-probabilities", "nll_loss", ([[0.3, 0.7]], [1]),
        Gives(-0.7, [[0.0, -1.0]], warns="input should hold log-probabilities"), Gives(-0.7, [[0.0, -1.0]]),
        policy=True, compatible=True, why="the value is torch's; what looks like a mistake is warned of once"),
)  # fmt: skip

TABLES: dict[str, tuple[Row, ...]] = {
    "values": VALUES,
    "precision": PRECISION,
    "requests": REQUESTS,
    "policy": POLICY,
}
