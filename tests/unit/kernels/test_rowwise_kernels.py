"""Each rowwise kernel gives the value and the gradient of its rule, in every layout, and looks at every label."""

from math import inf, isfinite, nan

import pytest
import torch

from losslab.catalog import losses
from losslab.kernels import rowwise
from losslab.kernels.rowwise import BY_COUNT, BY_NOTHING, BY_WEIGHT
from losslab.testing.samples import settings, tensors

RECORDS = {record.name: record for record in losses().values() if record.kind == "rowwise"}
BY_RULE = {"bi_tempered_logistic_loss": "its normaliser takes nine Newton steps of powers a row"}
NAMES = sorted(RECORDS.keys() - BY_RULE.keys())
TILE = 128  # classes above which those of one row go side by side
# outer, classes, inner: one class; a tile in parts; above the tile, with a remainder, last and second
SHAPES = ((3, 1, 1), (35, 5, 1), (2, 7, 37), (5, TILE, 1), (3, TILE + 1, 1), (2, 197, 3), (2, 1300, 1), (1, 1030, 2))
ROUNDING = {torch.float64: 2e-13, torch.float32: 2e-6}  # beside that of the rule in the same type


def draw(name, shape, *, seed=0, members=2, scale=3.0, soft=False):
    """Scores (K, outer, C, inner), labels or distributions, and what else the loss takes, all in float64."""
    record, generator = RECORDS[name], torch.Generator().manual_seed(seed)
    outer, classes, inner = shape
    scores = scale * torch.randn(members, outer, classes, inner, generator=generator, dtype=torch.float64)
    scores = scores.log_softmax(2) if record.input_domain.high == 0 else scores
    label = torch.randint(classes, (members, outer, inner), generator=generator)
    shares = torch.randn(members, outer, classes, inner, generator=generator, dtype=torch.float64).softmax(2)
    given = {"per_class": 1 + 40 * torch.rand(members, classes, generator=generator, dtype=torch.float64)}
    given = given if record.per_class else {}
    if record.takes_weight:
        given["class_weight"] = 2 * torch.rand(classes, generator=generator, dtype=torch.float64)
    weight = 0.5 + torch.rand(members, outer, inner, generator=generator, dtype=torch.float64)
    return scores, shares if soft else label, given, weight


def by_rule(name, scores, target, params, given, up, dtype=torch.float64):
    """The rule's unweighted values (outer, inner) of one member, and the gradient of their sum weighted by `up`."""
    record = RECORDS[name]
    scores = scores.to(dtype).requires_grad_()
    soft = target.is_floating_point()
    options = dict(zip(record.parameters, params, strict=True))
    if "class_weight" in given:
        options["weight"] = given["class_weight"].to(dtype)
    if "per_class" in given:
        options[record.per_class[0]] = given["per_class"].to(dtype)
    target = target.to(dtype).movedim(1, -1) if soft else target
    result = record.rule(scores.movedim(1, -1), target, **options)
    value, own = result if isinstance(result, tuple) else (result, torch.ones_like(result))
    (gradient,) = torch.autograd.grad((value * up.to(dtype)).sum(), scores)
    return value.detach(), own, gradient


def by_kernel(name, scores, target, params, given, weight=None, **options):
    """sums, value, gradient, bad row; the outputs are full of NaN before."""
    computing = torch.float64 if scores.dtype == torch.float64 else torch.float32
    members, outer, _, inner = scores.shape
    given = {key: one.to(computing).contiguous() for key, one in given.items()}
    sums = torch.full((members, 3), nan, dtype=torch.float64)
    value = torch.full((members, outer, inner), nan, dtype=computing)
    gradient = options.pop("gradient", None)
    gradient = torch.full_like(scores, nan) if gradient is None else gradient
    soft = target.is_floating_point()
    kind = {"soft": target.to(computing).contiguous()} if soft else {"label": target.contiguous()}
    bad = rowwise.run(
        rowwise.find(name), scores, torch.tensor(params, dtype=torch.float64), sums, value=value, gradient=gradient,
        weight=None if weight is None else weight.to(computing), **kind, **given, **options,
    )  # fmt: skip
    return sums, value, gradient, bad


def numbers(name, members=1):
    """Parameters (K, P) for each of the settings to try, the next one for the next member."""
    rows = [[one[key] for key in RECORDS[name].parameters] for one in settings(RECORDS[name])]
    return [[rows[(i + k) % len(rows)] for k in range(members)] for i in range(len(rows))]


def of_member(given, k):
    return {key: one[k] if key == "per_class" else one for key, one in given.items()}


def compare(name, scores, target, params, given, weight, dtype, undefined=False):
    """Asserts that the kernel is as near to the rule in float64 as the rule in the same type, but for rounding.

    undefined: the rule's gradient may be NaN, where its value is infinite; there the kernel's may be anything.
    """
    scores, weight = scores.to(dtype), weight.to(dtype)
    given = {key: one.to(dtype) for key, one in given.items()}
    target = target.to(dtype) if target.is_floating_point() else target
    _, value, gradient, bad = by_kernel(name, scores, target, params, given, weight)
    assert bad == -1
    for k in range(len(scores)):
        wide = {key: one.double() for key, one in of_member(given, k).items()}
        args = (scores[k].double(), target[k], params[k])
        own = by_rule(name, *args, wide, weight[k].double())
        same_type = by_rule(name, *args, wide, weight[k].double(), dtype)
        near(value[k], own[0] * weight[k].double(), same_type[0].double() * weight[k].double(), dtype)
        unknown = own[2].isnan() if undefined else torch.zeros_like(own[2], dtype=torch.bool)
        assert not unknown.any() or own[0].isinf().any()
        truth, rival = own[2].masked_fill(unknown, 0.0), same_type[2].double().masked_fill(unknown, 0.0)
        near(gradient[k].masked_fill(unknown, 0.0), truth, rival, dtype)


def near(found, truth, rival, dtype):
    size = 1 + truth.abs().masked_fill(~truth.isfinite(), 0.0)
    assert torch.equal(found.isnan(), truth.isnan())
    infinite = truth.isinf()
    assert torch.equal(found[infinite].double(), truth[infinite])
    finite = truth.isfinite()
    off, allowed = (found.double() - truth).abs(), (rival - truth).abs() + ROUNDING[dtype] * size
    off, allowed = off[finite], torch.nan_to_num(allowed[finite], nan=inf)
    assert (off <= allowed).all(), f"off by {(off - allowed).max():.2e} more than {ROUNDING[dtype]:.0e}"


def test_every_loss_over_classes_has_a_kernel_with_its_parameters():
    assert set(rowwise.kernels()) | set(BY_RULE) == set(RECORDS)
    for name, kernel in rowwise.kernels().items():
        record = RECORDS[name]
        assert kernel.params == tuple(record.parameters)
        weight = {"weight": torch.ones(3)} if record.takes_weight else {}
        counts = {key: torch.ones(3) for key in record.per_class}
        divides = isinstance(record.rule(torch.zeros(2, 3), torch.tensor([0, 2]), **weight, **counts), tuple)
        traits = {
            rowwise.WEIGHT_DIVIDES: divides,
            rowwise.TAKES_SOFT: record.target == "class or distribution",
            rowwise.NEEDS_PER_CLASS: bool(record.per_class),
            rowwise.TAKES_CLASS_WEIGHT: record.takes_weight,
        }
        assert kernel.traits == sum(bit for bit, has in traits.items() if has), name
    assert rowwise.find("huber_loss") is None


@pytest.mark.parametrize("name", NAMES)
def test_hand_worked_cases(name):
    record = RECORDS[name]
    kernel, tried = rowwise.find(name), 0
    for case in record.cases:
        scores, target, options = tensors(record, case)
        scores = scores.reshape(1, -1, scores.shape[-1], 1)
        target = target.reshape(scores.shape) if target.is_floating_point() else target.reshape(1, -1, 1)
        params = [[float(options.get(key, record.defaults[key])) for key in kernel.params]]
        given = {"class_weight": options["weight"]} if "weight" in options else {}
        given |= {"per_class": options[record.per_class[0]][None]} if record.per_class else {}
        divide = BY_NOTHING if options.get("reduction") in ("none", "sum") else BY_WEIGHT
        ignored = {"ignore_index": options.get("ignore_index", -100)} if record.takes_ignore_index else {}
        sums, value, gradient, bad = by_kernel(name, scores, target, params, given, divide=divide, **ignored)
        assert bad == -1
        mean = sums[0, 0] / (sums[0, 1] if divide == BY_WEIGHT else 1)
        found = value.flatten() if options.get("reduction") == "none" else mean
        wanted = torch.as_tensor(case.value, dtype=torch.float64)
        torch.testing.assert_close(found.reshape(wanted.shape), wanted, rtol=case.tolerance, atol=case.tolerance)
        if case.gradient is not None:
            wanted = torch.as_tensor(case.gradient, dtype=torch.float64).reshape(gradient.shape)
            torch.testing.assert_close(gradient, wanted, rtol=case.tolerance, atol=case.tolerance)
        tried += 1
    assert tried >= 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_rule(name, dtype):
    for seed, shape in enumerate(SHAPES):
        for row in numbers(name, 2)[: None if seed in (1, 4) else 2]:
            for soft in (False, True) if RECORDS[name].target == "class or distribution" else (False,):
                scores, target, given, weight = draw(name, shape, seed=seed, soft=soft)
                compare(name, scores, target, row, given, weight, dtype)
    scores, target, given, weight = draw(name, (9, 6, 1), seed=9)
    given.pop("class_weight", None)
    compare(name, scores, target, numbers(name, 2)[-1], given, weight, dtype)


@pytest.mark.parametrize("name", NAMES)
def test_equal_scores_share_the_slope_as_in_the_rule(name):
    for seed, shape in enumerate(((40, 4, 1), (3, 6, 5), (4, TILE + 5, 1))):
        for row in numbers(name, 2):
            scores, target, given, weight = draw(name, shape, seed=seed)
            scores = scores.round().clamp(-1, 1) if RECORDS[name].input_domain.high != 0 else scores
            compare(name, scores, target, row, given, weight, torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_impossible_and_huge_scores(name):
    wide = [] if name == "soft_ordinal_loss" else [(4, TILE + 4, 1)]  # there its rule takes 0 times infinity
    for shape in ((12, 5, 1), (3, 5, 4), *wide):
        for row in numbers(name, 2):
            scores, target, given, weight = draw(name, shape)
            scores[:, :, 1] = -inf
            scores[1] *= 1e29 if RECORDS[name].input_domain.high != 0 else 1.0
            compare(name, scores, target.where(target != 1, 0), row, given, weight, torch.float64, undefined=True)
            scores[0, 0, 1] = 0.0 if RECORDS[name].input_domain.high != 0 else -0.5
            target[:, -1] = 1  # the label itself is impossible
            finite = by_rule(name, scores[1], target[1], row[1], of_member(given, 1), weight[1])
            _, value, gradient, _ = by_kernel(name, scores, target, row, given, weight)
            torch.testing.assert_close(value[1], finite[0] * weight[1], rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(gradient[1], finite[2], rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_nan_stays_in_its_row(name):
    for shape in ((6, 5, 1), (3, 6, 4), (4, TILE + 9, 1), (2, TILE + 3, 3)):
        scores, target, given, weight = draw(name, shape, members=1)
        row = numbers(name)[0]
        _, value, gradient, _ = by_kernel(name, scores, target, row, given, weight)
        bad = scores.clone()
        bad[0, 1, int(target[0, 1, 0]), 0] = nan
        _, spoilt, slope, _ = by_kernel(name, bad, target, row, given, weight)
        assert spoilt[0, 1, 0].isnan()
        kept = torch.ones_like(value, dtype=torch.bool)
        kept[0, 1, 0] = False
        assert torch.equal(value[kept], spoilt[kept])
        assert torch.equal(gradient.movedim(2, -1)[kept], slope.movedim(2, -1)[kept])


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_rows_left_out_count_nothing(name, soft):
    if soft and RECORDS[name].target != "class or distribution":
        return
    for shape in ((700, 3, 1), (3, 6, 40), (6, TILE + 9, 1), (2, TILE + 3, 5)):
        scores, target, given, weight = draw(name, shape, soft=soft)
        row, generator = numbers(name, 2)[0], torch.Generator().manual_seed(5)
        mask = torch.rand(weight.shape, generator=generator) < 0.7
        ignored = mask & (torch.rand(weight.shape, generator=generator) < 0.2)
        keep = mask if soft else mask & ~ignored
        weight[0, 0, 0] = 0.0
        clean = by_kernel(name, scores, target, row, given, weight * keep)
        if not soft:
            target = target.masked_fill(~mask, 10**12).masked_fill(ignored, -100)
        spoilt = torch.where((keep & (weight != 0)).unsqueeze(2), scores, torch.tensor([nan, inf])[:, None, None, None])
        for divide in (BY_NOTHING, BY_WEIGHT, BY_COUNT):
            sums, value, gradient, bad = by_kernel(
                name, spoilt, target, row, given, weight, mask=mask, ignore_index=None if soft else -100, divide=divide
            )
            assert bad == -1
            assert torch.equal(value, clean[1])
            assert torch.equal(sums[:, 2], keep.sum((1, 2)).double())
            own = torch.ones_like(weight)
            if not soft and "class_weight" in given and rowwise.find(name).traits & rowwise.WEIGHT_DIVIDES:
                own = given["class_weight"][target.where(keep, 0)]
            torch.testing.assert_close(sums[:, 1], (own * weight * keep).sum((1, 2)))
            torch.testing.assert_close(sums[:, 0], value.sum((1, 2)))
            divisor = torch.ones(2) if divide == BY_NOTHING else sums[:, divide]
            torch.testing.assert_close(gradient * divisor[:, None, None, None], clean[2], rtol=1e-12, atol=1e-15)
            assert (gradient.movedim(2, -1)[~keep] == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_computed_in_float_and_rounded_once(name, dtype):
    for shape in ((40, 5, 1), (3, 6, 40), (3, TILE + 9, 1), (2, TILE + 3, 5)):
        for soft in (False, True) if RECORDS[name].target == "class or distribution" else (False,):
            scores, target, given, weight = draw(name, shape, soft=soft)
            row, half = numbers(name, 2)[0], scores.to(dtype)
            sums, value, gradient, _ = by_kernel(name, half, target, row, given, weight, divide=BY_WEIGHT)
            wanted = by_kernel(name, half.float(), target, row, given, weight, divide=BY_WEIGHT)
            assert gradient.dtype == dtype
            torch.testing.assert_close(sums, wanted[0], rtol=1e-6, atol=0)
            torch.testing.assert_close(value, wanted[1], rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(gradient, wanted[2].to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_may_lie_over_the_scores(name):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for shape in ((40, 5, 1), (3, 6, 40), (3, TILE + 9, 1), (2, TILE + 3, 5)):
            scores, target, given, weight = draw(name, shape)
            scores, row = scores.to(dtype), numbers(name, 2)[0]
            *_, apart, _ = by_kernel(name, scores, target, row, given, weight)
            over = scores.clone()
            by_kernel(name, over, target, row, given, weight, gradient=over)
            assert torch.equal(over, apart)


@pytest.mark.parametrize("classes", [5, 300])
def test_the_first_label_out_of_range_is_named(classes):
    rows = 30_000 // classes
    scores, label = torch.randn(3, rows, classes, 1), torch.randint(classes, (3, rows, 1))
    label[0, :] = -7  # left out
    assert by_kernel("focal_loss", scores, label, [[2.0, 0.0]] * 3, {}, ignore_index=-7)[3] == -1
    label[2, 3], label[1, 44], label[1, 45] = classes, -1, classes + 5
    assert by_kernel("focal_loss", scores, label, [[2.0, 0.0]] * 3, {}, ignore_index=-7)[3] == rows + 44
    mask = label != -1
    assert by_kernel("focal_loss", scores, label, [[2.0, 0.0]] * 3, {}, ignore_index=-7, mask=mask)[3] == rows + 45
    assert by_kernel("focal_loss", scores, label, [[2.0, 0.0]] * 3, {}, ignore_index=3)[3] == 0
    weight = torch.zeros(3, rows, 1)  # a weight of 0 leaves a row out, and its label is looked at all the same
    assert by_kernel("focal_loss", scores, label, [[2.0, 0.0]] * 3, {}, weight, ignore_index=-7)[3] == rows + 44


@pytest.mark.parametrize("name", ["cross_entropy", "ranked_probability_loss", "nll_loss"])
def test_threads_change_no_bit(name):
    before = torch.get_num_threads()
    try:
        for shape in ((2000, 7, 3), (70, 1200, 1)):
            scores, target, given, weight = draw(name, shape, members=3)
            found = []
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                found.append(by_kernel(name, scores, target, numbers(name, 3)[0], given, weight, divide=BY_WEIGHT))
            for other in found[1:]:
                assert all(torch.equal(a, b) for a, b in zip(found[0][:3], other[:3], strict=True))
    finally:
        torch.set_num_threads(before)


def test_a_target_for_all_members():
    scores, label, given, weight = draw("cross_entropy", (4, 5, 2), members=3)
    params = [[0.0], [0.3], [1.0]]
    shared = by_kernel("cross_entropy", scores, label[1], params, given, weight, target_shared=True)
    same = by_kernel("cross_entropy", scores, label[1].expand(3, 4, 2), params, given, weight)
    assert all(torch.equal(a, b) for a, b in zip(shared[:3], same[:3], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_no_rows(name):
    scores, label = torch.empty(2, 0, 4, 1), torch.empty(2, 0, 1, dtype=torch.int64)
    given = {"per_class": torch.ones(2, 4)} if RECORDS[name].per_class else {}
    sums, *_, bad = by_kernel(name, scores, label, numbers(name, 2)[0], given, divide=BY_WEIGHT)
    assert bad == -1
    assert (sums == 0).all()


def test_neither_value_nor_gradient_is_wanted():
    scores, label, given, _ = draw("cross_entropy", (40, 9, 1), members=1)
    sums, value, _, _ = by_kernel("cross_entropy", scores, label, [[0.2]], given)
    alone = torch.empty(1, 3, dtype=torch.float64)
    weight = given["class_weight"]
    assert rowwise.run(rowwise.find("cross_entropy"), scores, [0.2], alone, label=label, class_weight=weight) == -1
    assert torch.equal(alone, sums)
    assert isfinite(float(value.sum()))
