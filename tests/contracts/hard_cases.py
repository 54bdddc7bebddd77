"""Hard cases of losses, one table for each family: right values and gradients, worked with 40 digits or by hand.

A family joins by a table of its own in TABLES. Where the mathematics leaves a value open, `why` says what was chosen.
"""

from math import exp, inf, log, log1p, nan

from case_rows import Full, Gives, Refuses, Row

EACH = {"reduction": "none"}
CE, BCE, LOGITS, POISSON = (
    "cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits", "poisson_nll_loss",
)  # fmt: skip
SMOOTHED = {"label_smoothing": 0.1}
SMALL = "torch's gradient of a well classified element rounds to 0 long before the value does"
EXACT_SLOPE = "torch holds the denominator p (1 - p) at 1e-12 or more, which takes the gradient away near 0 and 1"
STIRLING = "`full=True` adds log y! itself; torch has Stirling's approximation"

SOFTMAX = (
    Row("far apart", CE, ([[1e4, 0.0], [1e4, 0.0]], [0, 1]), Gives([0.0, 1e4], [[0.0, 0.0], [1.0, -1.0]]),
        options=EACH),
    Row("impossible class", CE, ([[0.0, -inf], [0.0, -inf]], [0, 1]), Gives([0.0, inf], [[0.0, 0.0], [1.0, -1.0]]),
        options=EACH),
    Row("certain class", CE, ([[0.0, inf]], [1]), Gives(0.0, [[0.0, 0.0]]), Gives(nan, [[nan, nan]]), issue="#6864",
        why="the limit as the score grows", pending="NaN, as torch"),
    Row("all impossible", CE, ([[-inf, -inf]], [0]), Refuses("-inf"), Gives(nan, [[nan, nan]]),
        why="no class is possible: there is no softmax", pending="NaN, as torch"),
    Row("all impossible, ignored", CE, ([[-inf, -inf], [0.0, 0.0]], [-100, 1]),
        Gives(log(2), [[0.0, 0.0], [0.5, -0.5]]), Gives(log(2), [[nan, nan], [0.5, -0.5]]), issue="#11551",
        why="a row that is left out has no gradient, whatever it holds"),
    Row("impossible class, soft target", CE, ([[0.0, -inf]], [[1.0, 0.0]]), Gives(0.0, [[0.0, 0.0]]),
        Gives(nan, [[0.0, 0.0]]), why="0 times infinity is 0: a class of probability 0 costs nothing"),
    Row("impossible class, smoothed", CE, ([[0.0, -inf]], [0]), Gives(inf, [[0.05, -0.05]]), options=SMOOTHED),
    Row("50000 equal scores", CE, (Full((1, 50000), 0.0), [7]), Gives(10.819778284410283)),
    Row("128256 equal scores", CE, (Full((1, 128256), 0.0), [7]), Gives(11.761783545564427)),
    Row("50000 equal scores, float16", CE, (Full((1, 50000), 0.0), [7]), Gives(10.819778284410283), Gives(10.8203125),
        dtype="float16", tolerance=1e-7, policy=True, compatible=True,
        why="half precisions are computed, reduced and returned in float32"),
    Row("50000 equal scores, bfloat16", CE, (Full((1, 50000), 0.0), [7]), Gives(10.819778284410283), Gives(10.8125),
        dtype="bfloat16", tolerance=1e-7, policy=True, compatible=True,
        why="half precisions are computed, reduced and returned in float32"),
    Row("128256 equal scores, float16", CE, (Full((1, 128256), 0.0), [7]), Gives(11.761783545564427), Gives(inf),
        dtype="float16", tolerance=1e-7, issue="#85791", why="the sum of exponentials does not fit float16"),
    Row("confidently wrong", CE, ([[10.0, 0.0, -100.0]], [2]),
        Gives(110.00004539889922, [[0.9999546021312976, 4.5397868702434395e-05, -1.0]])),
)  # fmt: skip

SMOOTHING = (
    Row("two classes at the best scores", CE, ([[log(19), 0.0]], [0]), Gives(0.19851524334587255), options=SMOOTHED),
    Row("ten classes at the best scores", CE, ([[log(91)] + [0.0] * 9], [0]), Gives(0.5002880350578577),
        options=SMOOTHED),
    Row("equal scores, any smoothing", CE, ([[2.0] * 4], [0]), Gives(log(4), [[-0.525, 0.175, 0.175, 0.175]]),
        options={"label_smoothing": 0.3}),
)  # fmt: skip

YES_OR_NO = (
    Row("p=0, y=0", BCE, ([0.0], [0.0]), Gives(0.0, [1.0]), Gives(0.0, [0.0]), issue="#103316", why=EXACT_SLOPE),
    Row("p=1, y=1", BCE, ([1.0], [1.0]), Gives(0.0, [-1.0]), Gives(0.0, [0.0]), issue="#103316", why=EXACT_SLOPE),
    # infinite; held at 100 and 1e12, as in torch
    Row("p=0, y=1", BCE, ([0.0], [1.0]), Gives(100.0, [-1e12]), tolerance=1e-8),
    Row("p=1e-13, y=0", BCE, ([1e-13], [0.0]), Gives(1e-13, [1.0]), Gives(1e-13, [0.1]), issue="#103316",
        why=EXACT_SLOPE),
    Row("p=1e-30, y=1", BCE, ([1e-30], [1.0]), Gives(69.07755278982137, [-1e30]), Gives(69.07755278982137, [-1e12]),
        issue="#103316", why=EXACT_SLOPE),
    Row("p=y=0.3", BCE, ([0.3], [0.3]), Gives(-0.3 * log(0.3) - 0.7 * log(0.7), [0.0])),
    Row("x=0", LOGITS, ([0.0, 0.0], [1.0, 0.0]), Gives([log(2), log(2)], [-0.5, 0.5]), options=EACH),
    Row("x=10", LOGITS, ([10.0, 10.0], [1.0, 0.0]),
        Gives([4.5398899216864646e-05, 10.000045398899217], [-4.5397868702434395e-05, 0.9999546021312976]),
        options=EACH, tolerance=1e-11),
    Row("x=10, float32", LOGITS, ([10.0], [1.0]), Gives(4.5398899216864646e-05, [-4.5397868702434395e-05]),
        Gives(4.5398899216864646e-05, [-4.5418739e-05]), dtype="float32", tolerance=2.4e-7, issue="#49844", why=SMALL),
    Row("x=20", LOGITS, ([20.0, 20.0], [1.0, 0.0]), Gives([2.0611536203143807e-09, 20.000000002061154]), options=EACH),
    Row("x=50", LOGITS, ([50.0, 50.0], [1.0, 0.0]), Gives([1.928749847963918e-22, 50.0], [-1.928749847963918e-22, 1.0]),
        Gives([1.928749847963918e-22, 50.0], [0.0, 1.0]), options=EACH, why=SMALL),
    Row("x=100", LOGITS, ([100.0, 100.0], [1.0, 0.0]),
        Gives([3.720075976020836e-44, 100.0], [-3.720075976020836e-44, 1.0]),
        Gives([3.720075976020836e-44, 100.0], [0.0, 1.0]), options=EACH, why=SMALL),
    Row("x=-1e9", LOGITS, ([-1e9, -1e9], [1.0, 0.0]), Gives([1e9, 0.0], [-1.0, 0.0]), options=EACH),
    Row("x=-300", LOGITS, ([-300.0], [1.0]), Gives(300.0, [-1.0])),
    Row("x=-300, y=0", LOGITS, ([-300.0], [0.0]), Gives(5.148200222412014e-131, [5.148200222412014e-131]),
        Gives(0.0, [5.148200222412014e-131]), why="the value rounds to 0 in torch where float64 can hold it"),
    Row("x=inf", LOGITS, ([inf, inf], [1.0, 0.0]), Gives([0.0, inf], [0.0, 1.0]), Gives([nan, inf], [0.0, 1.0]),
        options=EACH, issue="#49844, #102894, #135359", why="a right answer at an infinite score costs nothing"),
    Row("x=-inf", LOGITS, ([-inf, -inf], [1.0, 0.0]), Gives([inf, 0.0], [-1.0, 0.0]), Gives([nan, nan], [-1.0, 0.0]),
        options=EACH, issue="#49844, #102894, #135359", why="a wrong answer at an infinite score costs infinity"),
    Row("x=-inf, y=0.9", LOGITS, ([-inf], [0.9]), Gives(inf, [-0.9]), Gives(nan, [-0.9]),
        issue="#49844, #102894, #135359", why="a wrong answer at an infinite score costs infinity"),
)  # fmt: skip

MARGINS_AND_ROBUST = (
    Row("far on the wrong side", "soft_margin_loss", ([-100.0], [1.0]), Gives(100.0, [-1.0]), Gives(inf, [nan]),
        dtype="float32", issue="#77529", why="exp(100) does not fit float32; softplus does not overflow"),
    Row("farther on the wrong side", "soft_margin_loss", ([-1000.0], [1.0]), Gives(1000.0, [-1.0]), Gives(inf, [nan]),
        issue="#77529", why="exp(1000) does not fit float64; softplus does not overflow"),
    Row("where softplus turns linear too soon", "soft_margin_loss", ([-21.0], [1.0]),
        Gives(21 + log1p(exp(-21)), [-1 / (1 + exp(-21))])),
    Row("far on the right side", "soft_margin_loss", ([20.0], [1.0]),
        Gives(2.0611536203143807e-09, [-2.0611536160661646e-09]), dtype="float32", tolerance=1e-6),
    Row("far on the right side, float64", "soft_margin_loss", ([40.0], [1.0]),
        Gives(4.248354255291589e-18, [-4.248354255291589e-18])),
    Row("neither -1 nor +1", "soft_margin_loss", ([3.0], [0.0]), Gives(log(2), [0.0], warns="2 * target - 1"),
        Gives(log(2), [0.0]), policy=True, compatible=True,
        why="a target of 0 trains nothing, so a warning says so; the value is torch's"),
    Row("log-cosh, small", "log_cosh_loss", ([1e-4], [0.0]),
        Gives(4.9999999916666667e-09, [9.9999999666666668e-05]), dtype="float32", tolerance=3e-7),
    Row("log-cosh, 1", "log_cosh_loss", ([1.0], [0.0]), Gives(0.43378083048302719, [0.76159415595576489])),
    Row("log-cosh, 100", "log_cosh_loss", ([100.0, -100.0], [0.0, 0.0]),
        Gives([99.306852819440055, 99.306852819440055], [1.0, -1.0]), options=EACH),
    Row("log-cosh, 1e4", "log_cosh_loss", ([1e4], [0.0]), Gives(9999.3068528194401, [1.0])),
    Row("huber, infinite error", "huber_loss", ([inf, -inf], [0.0, 0.0]), Gives([inf, inf], [2.0, -2.0]),
        options={"delta": 2.0} | EACH),
    Row("huber, infinite delta", "huber_loss", ([3.0, -4.0], [0.0, 0.0]), Gives([4.5, 8.0], [3.0, -4.0]),
        options={"delta": inf} | EACH),
    Row("smooth l1, beta=0", "smooth_l1_loss", ([2.0, -3.0, 0.0], [0.0, 0.0, 0.0]),
        Gives([2.0, 3.0, 0.0], [1.0, -1.0, 0.0]), options={"beta": 0.0} | EACH),
    Row("smooth l1, tiny beta", "smooth_l1_loss", ([0.0, 2.0], [0.0, 0.0]), Gives([0.0, 2.0], [0.0, 1.0]),
        options={"beta": 1e-45} | EACH, dtype="float32"),
    Row("mse, float16", "mse_loss", ([300.0], [0.0]), Gives(90000.0, [600.0]), Gives(inf, [600.0]), dtype="float16",
        policy=True, compatible=True, why="half precisions are computed, reduced and returned in float32"),
    Row("hinge at its kink", "hinge_loss", ([1.0], [1.0]), Gives(0.0, [0.0])),
    Row("quantile at its kink", "quantile_loss", ([2.0], [2.0]), Gives(0.0, [0.0]), options={"quantile": 0.9}),
    Row("l1 at its kink", "l1_loss", ([2.0], [2.0]), Gives(0.0, [0.0])),
    Row("multi margin at its kink", "multi_margin_loss", ([[2.0, 1.0]], [0]), Gives(0.0, [[0.0, 0.0]])),
    Row("hinge embedding at its kink", "hinge_embedding_loss", ([1.0], [-1.0]), Gives(0.0, [0.0]), Gives(0.0, [-1.0]),
        why="at a kink of value 0 the subgradient is 0, in every loss"),
)  # fmt: skip

FOCAL = (  # two classes with scores (0, x) are one logit x
    Row("x=0", "focal_loss", ([[0.0, 0.0]], [1]),
        Gives(0.17328679513998633, [[0.29828679513998633, -0.29828679513998633]]), options={"gamma": 2.0}),
    Row("x=0, gamma=0.5", "focal_loss", ([[0.0, 0.0]], [1]),
        Gives(0.49012907173427360, [[0.47608565852684216, -0.47608565852684216]]), options={"gamma": 0.5}),
    Row("x=5, gamma=0.5", "focal_loss", ([[0.0, 5.0]], [1]),
        Gives(0.00054938162662339, [[0.00082039345295395, -0.00082039345295395]]), options={"gamma": 0.5},
        tolerance=2e-11),
    Row("x=100, gamma=0.5", "focal_loss", ([[0.0, 100.0]], [1]), Gives(0.0, [[0.0, 0.0]]), options={"gamma": 0.5},
        dtype="float32"),
    Row("x=-1000", "focal_loss", ([[0.0, -1000.0]], [1]), Gives(1000.0, [[1.0, -1.0]]), options={"gamma": 2.0}),
    Row("one logit, x=5, gamma=0.5", "sigmoid_focal_loss", ([5.0], [1.0]),
        Gives(0.25 * 0.00054938162662339, [-0.25 * 0.00082039345295395]), options={"gamma": 0.5}, tolerance=2e-11),
    Row("one logit, x=100, gamma=0.5", "sigmoid_focal_loss", ([100.0], [1.0]), Gives(0.0, [0.0]),
        options={"gamma": 0.5}, dtype="float32"),
    Row("one logit, x=1000, gamma=0", "sigmoid_focal_loss", ([1000.0], [1.0]), Gives(0.0, [0.0]),
        options={"gamma": 0.0}),
    Row("one logit, x=-1000", "sigmoid_focal_loss", ([-1000.0], [1.0]), Gives(250.0, [-0.25]), options={"gamma": 2.0}),
)  # fmt: skip

LIKELIHOODS = (
    Row("a mean and a count of 0", POISSON, ([0.0], [0.0]), Gives(0.0, [1.0]), options={"log_input": False}),
    Row("a mean of 0 for a count", POISSON, ([0.0], [1.0]), Gives(18.420680743952367, [1 - 1e8]),
        options={"log_input": False}),
    Row("a mean and a count of 0, eps=0", POISSON, ([0.0, 0.0], [0.0, 1.0]), Gives([0.0, inf], [1.0, -inf]),
        Gives([nan, inf], [nan, -inf]), options={"log_input": False, "eps": 0.0} | EACH,
        why="0 times infinity is 0: a count of 0 has no logarithm"),
    Row("a mean of e^-inf", POISSON, ([-inf, -inf], [0.0, 1.0]), Gives([0.0, inf], [0.0, -1.0]),
        Gives([nan, inf], [0.0, -1.0]), options=EACH, why="0 times infinity is 0: a count of 0 has no logarithm"),
    Row("the constant", POISSON, ([0.0] * 5, [1.0, 2.0, 3.0, 5.0, 10.0]),
        Gives([1.0, 1.6931471805599454, 2.791759469228055, 5.787491742782046, 16.104412573075516],
              [0.0, -1.0, -2.0, -4.0, -9.0]),
        Gives([1.0, 1.6518064845758622, 2.764081543516247, 5.770847051595478, 16.096082009642155],
              [0.0, -1.0, -2.0, -4.0, -9.0]),
        options={"full": True} | EACH, why=STIRLING),
    Row("all weights 0", CE, ([[0.0, 3.0], [3.0, 0.0]], [0, 1]),
        Gives(0.0, [[0.0, 0.0], [0.0, 0.0]], warns="nothing to average"), Gives(nan, [[nan, nan], [nan, nan]]),
        options={"weight": [0.0, 0.0]}, policy=True, compatible=True,
        why="nothing counts: 0 with zero gradient and one warning, or what `empty=` asks for"),
    Row("the mean of no elements", "mse_loss", (Full((0,), 0.0), Full((0,), 0.0)),
        Gives(0.0, warns="nothing to average"), Gives(nan), issue="#51906, #51910", policy=True, compatible=True,
        why="nothing counts: 0 with zero gradient and one warning, or what `empty=` asks for"),
    Row("the sum of no elements", "mse_loss", (Full((0,), 0.0), Full((0,), 0.0)), Gives(0.0),
        options={"reduction": "sum"}),
)  # fmt: skip

CTC_SLOPE = "the gradient is that of the value; torch's is that of the scores before log_softmax"
HALF, THIRD = 0.5, 1 / 3


def ctc(id: str, target: list[int], value: float, occupancy: list[list[float]]) -> Row:
    """Three steps of three equally likely classes, 0 is blank; occupancy: the share of all paths, by step and class."""
    slope, torchs = [[[-share for share in step]] for step in occupancy], [[[THIRD - s for s in p]] for p in occupancy]
    args = (Full((3, 1, 3), -log(3)), [target], [3], [len(target)])
    return Row(id, "ctc_loss", args, Gives(value, slope), Gives(value, torchs), options={"reduction": "sum"},
               issue="#181534, #52241, #82545", why=CTC_SLOPE, tolerance=1e-9)  # fmt: skip


SEQUENCES = (
    ctc("one label", [1], 1.5040773967762742, [[HALF, HALF, 0.0], [THIRD, 2 * THIRD, 0.0], [HALF, HALF, 0.0]]),
    ctc("two labels", [1, 2], 1.6863989535702288, [[0.2, 0.8, 0.0], [0.2, 0.4, 0.4], [0.2, 0.0, 0.8]]),
    ctc("a label twice", [1, 1], 3.295836866004329, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    Row("a label twice in two steps", "ctc_loss", (Full((2, 1, 3), -log(3)), [[1, 1]], [2], [2]),
        Gives(0.0, [[[0.0] * 3]] * 2), options={"zero_infinity": True}),
    Row("three labels in two steps", "ctc_loss", (Full((2, 1, 3), -log(3)), [[1, 2, 1]], [2], [3]),
        Gives(0.0, [[[0.0] * 3]] * 2), options={"zero_infinity": True}),
    Row("no path", "ctc_loss", (Full((2, 1, 3), -log(3)), [[1, 1]], [2], [2]), Gives(inf)),
    Row("twenty-eight paths", "ctc_loss", (Full((5, 1, 4), -log(4)), [[1, 2, 3]], [5], [3]),
        Gives(3.5992672954242493), options={"reduction": "sum"}, tolerance=1e-9),
)  # fmt: skip

DISTANCES = (
    Row("anchor, positive and negative are one", "triplet_margin_loss", ([[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]),
        Gives(0.75, [[0.0, 0.0]]), options={"margin": 0.75}),
    Row("cosine of a short vector with itself", "cosine_embedding_loss", ([[3e-3, 4e-3]], [[3e-3, 4e-3]], [1]),
        Gives(0.0), Gives(3.9999998e-08), tolerance=1e-6, why="torch adds 1e-12 to the squares"),
    Row("cosine of nothing", "cosine_embedding_loss", ([[0.0, 0.0]], [[1.0, 2.0]], [1]), Gives(1.0, [[0.0, 0.0]]),
        Gives(1.0, [[-447213.596, -894427.193]]), tolerance=1e-8,
        why="nothing has no direction: there is no pull, where torch's is a matter of its 1e-12"),
    Row("cosine of long vectors", "cosine_embedding_loss", ([[2.0775e38, 3.0262e38]], [[1.0, 1.0]], [1]),
        Gives(1 - 0.98315863587266519), Gives(nan), dtype="float32", tolerance=1e-5, issue="#51912",
        why="squares are taken of scaled numbers, which do not overflow"),
)  # fmt: skip

NO_SHARE = "0 times infinity is 0: a share of 0 costs nothing"
SUMS = {"reduction": "sum"}
DIVERGENCES = (
    Row("a share of 0", "kl_div", ([[-1.0, -0.5]], [[0.0, 1.0]]), Gives(0.5, [[0.0, -1.0]]), options=SUMS),
    Row("a share of 0 of an impossible class", "kl_div", ([[-inf, 0.0]], [[0.0, 1.0]]), Gives(0.0, [[0.0, -1.0]]),
        Gives(nan, [[0.0, -1.0]]), options=SUMS, why=NO_SHARE),
    Row("a share of an impossible class", "kl_div", ([[-inf, 0.0]], [[0.5, 0.5]]), Gives(inf), options=SUMS),
    Row("a share of e^-inf", "kl_div", ([[-1.0, -0.5]], [[-inf, 0.0]]), Gives(0.5, [[0.0, -1.0]]),
        Gives(nan, [[0.0, -1.0]]), why=NO_SHARE, options={"log_target": True} | SUMS),
    Row("by batch", "kl_div", ([[-1.0, -0.5]], [[0.0, 1.0]]), Gives(0.5), options={"reduction": "batchmean"}),
    Row("by element", "kl_div", ([[-1.0, -0.5]], [[0.0, 1.0]]), Gives(0.25)),
    Row("variance 0", "gaussian_nll_loss", ([0.0], [0.0], [0.0]), Gives(-6.907755278982137, [0.0])),
)  # fmt: skip

TABLES: dict[str, tuple[Row, ...]] = {
    "softmax": SOFTMAX,
    "smoothing": SMOOTHING,
    "yes or no": YES_OR_NO,
    "margins and robust": MARGINS_AND_ROBUST,
    "focal": FOCAL,
    "likelihoods": LIKELIHOODS,
    "sequences": SEQUENCES,
    "distances": DISTANCES,
    "divergences": DIVERGENCES,
}
