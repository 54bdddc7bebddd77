"""What losses of several tensors deny is refuted by an example, their ends are reached, and false facts are caught."""

from dataclasses import replace
from math import exp, inf, log, pi, sqrt

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.spec.facts import Facts
from losslab.spec.interval import REAL, Interval
from losslab.testing import set_facts as suites
from losslab.testing.claims import ContractError
from losslab.testing.losses import check_documented

SETS = [name for name, record in CATALOGUE.items() if record.kind == "set"]
QUIET = pytest.mark.filterwarnings("ignore::losslab.spec.policy.LossWarning")


def denied(fact):
    """The losses that say no to a fact at their defaults."""
    found = []
    for name in SETS:
        record = CATALOGUE[name]
        known = suites.known(record, (record.defaults, suites.batch_of(record, 0)))
        if fact not in known.unknown and getattr(known, fact) is (None if fact == "lipschitz" else False):
            found.append(name)
    return found


def near_and_far(record):
    """Batches of every size, with boxes that overlap too."""
    for seed in range(6):
        for scale in (1.0, 0.1, 10.0, 0.001):
            yield record.defaults, suites.batch_of(record, seed, scale, small=seed % 2 == 1)


@pytest.mark.parametrize("loss", denied("convex"))
def test_what_is_not_convex_lies_above_a_chord(loss):
    record = CATALOGUE[loss]
    assert any(suites.above_chord(record, one, seed) > 1e-9 for seed, one in enumerate(near_and_far(record)))


@pytest.mark.parametrize("loss", denied("smooth"))
def test_what_is_not_smooth_has_a_jump_in_its_gradient(loss):
    record = CATALOGUE[loss]
    assert any(suites.jumps(record, one) for one in near_and_far(record))


@QUIET
@pytest.mark.parametrize("loss", denied("lipschitz"))
def test_what_has_no_constant_is_steep_somewhere(loss):
    record = CATALOGUE[loss]
    longest = {}
    for size in (1e-5, 1.0, 1e5):
        for seed in (3, 6):
            params, batch = record.defaults, suites.batch_of(record, seed)
            for place, (key, operand) in enumerate(record.layout.operands.items()):
                if key in batch and operand.holds == "box":
                    batch[key] = batch[key] * size  # both
                elif key in batch and operand.holds == "real":
                    batch[key] = suites.legal(
                        operand, batch[key] * (1 / size if place and operand.domain == REAL else size)
                    )
            longest[size] = max(longest.get(size, 0.0), suites.length(record, (params, batch)))
    assert max(longest.values()) > 30 * longest[1.0]


@pytest.mark.parametrize("loss", denied("symmetric"))
def test_what_is_not_symmetric_changes_when_swapped(loss):
    record = CATALOGUE[loss]
    assert suites.swapped(record, (record.defaults, suites.batch_of(record, 1))) > 1e-3


PIXELS = [[[[9.0, 9.0], [-99.0, -99.0]]], [[[-99.0, -99.0], [9.0, 9.0]]]]  # both of class 0, and both of class 1
CHANNEL = [[[[99.0, -99.0]]], [[[-99.0, 99.0]]]]
FAR = [[1e4, -1e4], [-1e4, 1e4]]


def ends_of(first, second, second_is):
    """Two batches: of the second operand with what fits it, and with what does not."""
    return [{**one, **second_is} for one in ({"input": first}, {"input": second})]


SHARES = ends_of([[1e4, 0.0]], [[0.0, 1e4]], {"target": [[1.0, 0.0]]})
REACHED = {
    **dict.fromkeys(
        ["dice_loss", "generalized_dice_loss", "log_cosh_dice_loss", "jaccard_loss", "tversky_loss",
         "focal_tversky_loss", "lovasz_softmax_loss"],
        ends_of(*PIXELS, {"target": [[0, 0]]}),
    ),
    **dict.fromkeys(
        ["sigmoid_dice_loss", "sigmoid_jaccard_loss", "sigmoid_tversky_loss"],
        ends_of(*CHANNEL, {"target": [[[1.0, 0.0]]]}),
    ),
    "soft_f1_loss": ends_of([[99.0], [-99.0]], [[-99.0], [99.0]], {"target": [[1.0], [0.0]]}),
    **dict.fromkeys(["total_variation_loss", "hellinger_loss", "js_divergence_loss", "wasserstein_1d_loss"], SHARES),
    "generalized_js_distillation_loss": ends_of(*[[row] for row in FAR], {"teacher": [FAR[0]]}),
    **dict.fromkeys(
        ["iou_loss", "alpha_iou_loss", "giou_loss", "diou_loss"],
        ends_of([[0.0, 0.0, 1.0, 1.0]], [[1e6, 1e6, 1e6 + 1, 1e6 + 1]], {"target": [[0.0, 0.0, 1.0, 1.0]]}),
    ),
    # apart, one of them a line that lies and one that stands
    "ciou_loss": ends_of([[0.0, 0.0, 1.0, 0.0]], [[1e6, 1e6, 1e6, 1e6 + 1]], {"target": [[0.0, 0.0, 1.0, 0.0]]}),
    # a point in the corner of a box
    "eiou_loss": ends_of([[0.0, 0.0, 1.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]], {"target": [[0.0, 0.0, 1.0, 1.0]]}),
    # small beside the gaps, of which one is small beside the other; a point against a box
    "siou_loss": ends_of([[0.0, 0.0, 1.0, 1.0]], [[1e4, 1e8, 1e4, 1e8]], {"target": [[0.0, 0.0, 1.0, 1.0]]}),
    "mmd_loss": ends_of([[0.0]] * 2, [[1e3]] * 2, {"target": [[0.0]] * 3}),
    "cosine_embedding_loss": [
        {"input1": [[1.0, 0.0]], "input2": [[sign, 0.0]], "target": [1.0]} for sign in (1.0, -1.0)
    ],
    "approx_ndcg_loss": None,  # its upper end is reached only by long lists
    "attention_transfer_loss": ends_of([[[1.0, 0.0]]], [[[0.0, 1.0]]], {"teacher": [[[2.0, 0.0]]]}),
    "rkd_angle_loss": None,  # not known to be reached
    "smooth_ap_loss": None,  # likewise
    "byol_loss": [{"prediction": [[1.0, 0.0]], "target": [[sign, 0.0]]} for sign in (2.0, -1.0)],
    "simsiam_loss": [{"prediction": [[1.0, 0.0]], "target": [[sign, 0.0]]} for sign in (1.0, -3.0)],
    "koleo_loss": [{"input": [[1.0, 0.0], [sign, 0.0]]} for sign in (-1.0, 1.0)],
    # the highest risk of many with events at one time: the mean of the logarithms of 1 / n, ..., n / n
    "cox_loss": [{"input": [0.0] + [-50.0] * 599, "time": [1.0] * 600, "event": [1.0] * 600}],
    "kl_div": [{"input": [0.0], "target": [exp(-1)]}],
    "gaussian_nll_loss": [{"input": [1.0], "target": [1.0], "var": [0.0]}],
    "beta_nll_loss": [{"input": [1.0], "target": [1.0], "var": [exp(-2)]}],
    "crps_gaussian_loss": [{"input": [1.0], "target": [1.0], "var": [0.0]}],
}  # fmt: skip


def test_every_loss_with_an_end_of_its_own_is_tried_at_it():
    own = []
    for name in SETS:
        interval = CATALOGUE[name].facts.at(classes=2, **CATALOGUE[name].defaults).values
        own += [name] if interval.high < inf or interval.low not in (0, -inf) else []
    assert set(own) == set(REACHED)


@QUIET
@pytest.mark.parametrize("name", [name for name, batches in REACHED.items() if batches])
def test_the_ends_are_reached(name):
    record = CATALOGUE[name]
    interval = record.facts.at(classes=2, **record.defaults).values
    for batch, end in zip(REACHED[name], (interval.low, interval.high), strict=False):
        tensors = {}
        for key, rows in batch.items():
            whole = record.layout.operands[key].holds in ("class", "class or distribution")
            tensors[key] = torch.tensor(rows, dtype=torch.int64 if whole else torch.float64)
        value = record(**tensors, reduction="none").flatten()
        extreme = value.min() if end == interval.low else value.max()
        assert extreme.item() == pytest.approx(end, abs=1e-2 if name == "cox_loss" else 1e-4)


def test_approx_ndcg_comes_near_one_in_a_long_list():
    target = torch.zeros(1, 4000, dtype=torch.float64)
    target[0, 0] = 1.0
    score = torch.linspace(0, 4000, 4000, dtype=torch.float64)[None]
    assert CATALOGUE["approx_ndcg_loss"](score, target) > 0.9


@pytest.mark.parametrize(
    ("loss", "check", "wrong", "words"),
    [
        ("ranknet_loss", "values", {"values": Interval(0.3)}, r"is not in \[0.3, inf\)"),
        ("giou_loss", "values", {"values": Interval(0, 1)}, r"is not in \[0, 1\]"),
        ("wasserstein_1d_loss", "values", {"values": lambda classes: Interval(0, classes - 3)}, r"is not in \[0, 1\]"),
        ("iou_loss", "values", {"values": Interval(0.3, 1)}, r"is not in \[0.3, 1\]"),
        ("listmle_loss", "values", {"values": Interval(0.2)}, r"is not in \[0.2, inf\)"),
        ("mmd_loss", "values", {"values": Interval(0, 1.2)}, r"is not in \[0, 1.2\]"),
        ("kl_div", "values", {"values": Interval(-0.1)}, "is not in"),
        ("giou_loss", "attained", {"attained": lambda target: target + 0.01}, "another input has less loss"),
        ("dice_loss", "attained", {"attained": lambda target: -target}, "another input has less loss"),
        ("lovasz_hinge_loss", "attained", {"attained": lambda target: target}, "another input has less loss"),
        ("dkd_loss", "convex", {"convex": True}, "above its chord"),
        ("renyi_divergence_loss", "convex", {"convex": True}, "above its chord"),
        ("lambdarank_loss", "convex", {"convex": True}, "above its chord"),
        ("wasserstein_1d_loss", "smooth", {"smooth": True}, "the gradient jumps at {'power': 1.0}"),
        ("energy_distance_loss", "smooth", {"smooth": True}, "the gradient jumps"),
        ("byol_loss", "smooth", {"smooth": True}, "the gradient jumps"),
        ("iou_loss", "smooth", {"smooth": True}, "the gradient jumps"),
        ("distillation_loss", "lipschitz", {"lipschitz": lambda temperature: temperature}, "is longer than"),
        ("ranknet_loss", "lipschitz", {"lipschitz": lambda sigma: 3 * sigma}, "the longest gradient is 0.7"),
        ("multilabel_margin_loss", "lipschitz", {"lipschitz": 0.9}, "is longer than 0.9"),
        ("distillation_loss", "symmetric", {"symmetric": True}, "input and teacher do not swap"),
        ("generalized_js_distillation_loss", "symmetric", {"symmetric": True}, "do not swap"),
    ],
)
def test_a_false_fact_of_a_set_is_caught(loss, check, wrong, words):
    record = CATALOGUE[loss]
    with pytest.raises(ContractError, match=words):
        getattr(suites, f"check_{check}")(replace(record, facts=replace(record.facts, **wrong)))


def test_a_loss_of_several_tensors_needs_facts_too():
    with pytest.raises(ContractError, match="no facts"):
        check_documented(replace(CATALOGUE["dice_loss"], facts=None))


def test_what_is_unknown_is_neither_said_nor_found():
    facts = Facts(unknown=("convex", "lipschitz")).at()
    assert (facts.convex, facts.smooth, facts.lipschitz) == (None, False, None)
    for bounded in (True, False):
        assert "dice_loss" not in CATALOGUE.filter(lipschitz=bounded)
    assert "dice_loss" in CATALOGUE.filter(smooth=True)
    told = CATALOGUE["dice_loss"].form.__doc__
    assert "not convex" in told
    assert "gradient" not in told.partition("Facts:")[2]


def test_facts_name_the_operands_that_they_speak_of():
    told = CATALOGUE["distillation_loss"].form.__doc__
    assert "least where input and teacher agree" in told
    assert "not symmetric in input and teacher" in told
    assert "convex in anchor\n" in CATALOGUE["n_pair_loss"].form.__doc__


def test_the_constants_that_facts_are_made_of():
    assert CATALOGUE["siou_loss"].facts.at(theta=1.0).values.high == pytest.approx(3 - exp(-2) - exp(-1))
    assert CATALOGUE["js_divergence_loss"].facts.at(beta=0.5).values.high == pytest.approx(log(2))
    assert CATALOGUE["beta_nll_loss"].facts.at(beta=1.0, eps=1e-6).values.low == pytest.approx(-exp(-1) / 2)
    assert CATALOGUE["crps_gaussian_loss"].facts.at(eps=4.0).values.low == pytest.approx(
        2 * (sqrt(2 / pi) - 1 / sqrt(pi))
    )
