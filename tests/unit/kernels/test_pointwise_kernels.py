"""Every pointwise kernel against its rule in float64; weights, masks, sums, members and types against plain sums."""

import math
import threading

import pytest
import torch
from pointwise_truth import Truth, by_rule, check, hard, variants
from torch import Tensor

import losslab
from losslab.kernels import pointwise
from losslab.testing import samples

LOSSES = losslab.losses()
VARIANTS = variants()
NAMES = [name for name, _, _ in VARIANTS]
POINTWISE = sorted(name for name in LOSSES if LOSSES[name].kind == "pointwise")
# Parameters that every type holds exactly, other than the defaults, so that a kink is a number.
EXACT = {
    "beta": 0.5, "delta": 0.75, "scale": 1.5, "epsilon": 0.25, "quantile": 0.25, "expectile": 0.75, "margin": 2.5,
    "width": 1.5, "eps": 0.5, "alpha": 0.25, "gamma": 1.5, "theta": 0.5, "omega": 3.0, "clip": 0.5, "power": 1.25,
}  # fmt: skip
FAR = {"quality_focal_loss": {"beta": 1.0}, "adaptive_wing_loss": {"alpha": 2.25, "epsilon": 0.5}}


def numbers(kernel: pointwise.Kernel, options: dict[str, float]) -> Tensor:
    return torch.tensor([[float(options[key]) for key in kernel.params]], dtype=torch.float64)


def run(kernel: pointwise.Kernel, x: Tensor, t: Tensor, params: Tensor, **options: object) -> tuple[Truth, Tensor]:
    """Value and gradient of (K, N) numbers into poisoned memory, and the sums."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    value, gradient = torch.full(x.shape, math.nan, dtype=wide), torch.full_like(x, math.nan)
    sums = pointwise.run(kernel, x, t, params, value=value, gradient=gradient, **options)
    return Truth(value, gradient), sums


def test_every_pointwise_loss_has_a_kernel_and_every_kernel_a_loss():
    assert sorted({loss for _, loss, _ in VARIANTS}) == POINTWISE
    for name, loss, options in VARIANTS:
        kernel = pointwise.find(loss, **options)
        assert kernel is not None
        assert kernel.name == name
        assert kernel.params == tuple(LOSSES[loss].parameters)
    assert pointwise.find("poisson_nll_loss", full="yes") is None
    assert pointwise.find("cross_entropy") is None


@pytest.mark.parametrize(("name", "loss", "options"), VARIANTS, ids=NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_value_and_slope_are_the_rules_to_rounding(name, loss, options, dtype):
    record, kernel = LOSSES[loss], pointwise.kernels()[name]
    for seed, params in enumerate(samples.settings(record)):
        x, t = (one.to(dtype) for one in hard(record, options, seed, params))
        found, sums = run(kernel, x[None], t[None], numbers(kernel, params))
        found = Truth(found.value[0], found.slope[0])
        check(record, kernel, {**params, **options}, x, t, found)
        assert torch.equal(sums[0, 0], found.value.double().sum()) or math.isclose(
            sums[0, 0], found.value.double().sum(), rel_tol=1e-12, abs_tol=0.0
        ) or found.value.isnan().any() or found.value.isinf().any()  # fmt: skip
        assert sums[0, 1:].tolist() == [len(x)] * 2


@pytest.mark.parametrize(("name", "loss", "options"), VARIANTS, ids=NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_kinks_have_the_rules_subgradient(name, loss, options, dtype):
    record, kernel = LOSSES[loss], pointwise.kernels()[name]
    params = {key: EXACT.get(key, 2.0) for key in record.parameters} | FAR.get(loss, {})
    gaps = torch.tensor([0.0, *samples.kinks(record, params)], dtype=dtype)
    if record.target == "real":
        targets = torch.tensor([t for t in (0.0, 1.0, 0.5, 2.0, -1.0) if t in record.target_domain], dtype=dtype)
        t = targets.repeat_interleave(len(gaps))
        x = t + gaps.repeat(len(targets))
    else:
        targets = torch.tensor([-1.0, 1.0] if record.target == "sign" else [0.0, 1.0, 0.25], dtype=dtype)
        x, t = torch.cartesian_prod(gaps, targets).unbind(1)
    inside = x > record.input_domain.low  # which also gathers what lies apart in memory
    x, t = x[inside], t[inside]
    right = by_rule(record, x, t, {**params, **options})
    found, _ = run(kernel, x[None], t[None], numbers(kernel, params))
    close = {torch.float32: 2e-6, torch.float64: 1e-14}[dtype]
    torch.testing.assert_close(found.slope[0], right.slope, rtol=close, atol=close)
    torch.testing.assert_close(found.value[0], right.value, rtol=close, atol=close)


@pytest.mark.parametrize("size", [0, 1, 7, 64, 1025, 4096, 4097, 9001])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_weights_masks_and_sums(size, dtype):
    """Three members with parameters, weights and masks of their own, against sums by hand."""
    kernel = pointwise.kernels()["huber_loss"]
    generator = torch.Generator().manual_seed(size)
    x, t, w = (torch.randn(3, size, generator=generator, dtype=torch.float64).to(dtype) * 3 for _ in range(3))
    w = (w * 2).round() / 2  # some are 0, some negative
    mask = torch.rand(3, size, generator=generator) > 0.3
    params = torch.tensor([[0.5], [1.5], [math.inf]], dtype=torch.float64)
    for weight in (None, w):
        for keep in (None, mask):
            poisoned = x.clone()
            if keep is not None:
                poisoned[~keep] = math.nan
            counted = torch.ones_like(x) if weight is None else weight
            counted = counted if keep is None else torch.where(keep, counted, 0.0)
            given = weight if weight is None or keep is None else weight.masked_fill(~keep, math.nan)
            r = (x - t).double()
            slope = r.clamp(-params, params) * counted.double()
            size_of = r.abs().clamp(max=params)
            value = size_of * (r.abs() - 0.5 * size_of)
            value = torch.where(counted == 0, 0.0, value.nan_to_num() * counted.double())
            kept = torch.full((3,), float(size)).double() if keep is None else keep.sum(1).double()
            sums = torch.stack([value.sum(1), counted.double().sum(1), kept], 1)
            divisors = {pointwise.BY_NOTHING: torch.ones(3), pointwise.BY_WEIGHT: sums[:, 1], pointwise.BY_COUNT: kept}
            for divide, divisor in divisors.items():
                found, told = run(kernel, poisoned, t, params, weight=given, mask=keep, divide=divide)
                assert torch.equal(told[:, 1:], sums[:, 1:])
                torch.testing.assert_close(told[:, 0], sums[:, 0], rtol=1e-5, atol=1e-5)
                close = {torch.float32: 1e-5, torch.float64: 1e-12}[dtype]
                torch.testing.assert_close(found.value.double(), value, rtol=close, atol=close)
                share = torch.where(divisor == 0, 0.0, 1 / divisor.double())[:, None]
                torch.testing.assert_close(found.slope.double(), slope * share, rtol=close, atol=close)


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_count_leaves_no_trace(name):
    """Weight 0 and a mask take out infinities and NaN; a NaN that counts stays in its element and member."""
    kernel = pointwise.kernels()[name]
    record = LOSSES[name.split()[0]]
    x, t = samples.draw(record, shape=(3, 50), dtype=torch.float32)
    x = x.abs() + 0.25 if "log_input" in name else x
    params = numbers(kernel, record.defaults).expand(3, -1).contiguous()
    (value, slope), sums = run(kernel, x, t, params)
    weight, mask = torch.ones(3, 50), torch.ones(3, 50, dtype=torch.bool)
    bad_x, bad_t = x.clone(), t.clone()
    for place, (a, b) in enumerate([(math.nan, 1.0), (math.inf, math.inf), (-math.inf, 0.0), (1.0, math.nan)]):
        bad_x[1, 7 * place], bad_t[1, 7 * place] = a, b
    weight[1, [0, 7]], mask[1, [14, 21]] = 0.0, False
    out = torch.zeros(3, 50, dtype=torch.bool)
    out[1, [0, 7, 14, 21]] = True
    found, told = run(kernel, bad_x, bad_t, params, weight=weight, mask=mask)
    assert torch.equal(found.value, torch.where(out, 0.0, value))
    assert torch.equal(found.slope, torch.where(out, 0.0, slope))
    assert told[:, 1:].tolist() == [[50, 50], [46, 48], [50, 50]]
    torch.testing.assert_close(told[[0, 2]], sums[[0, 2]], rtol=1e-14, atol=1e-14)
    bad_x = x.clone()
    bad_x[1, 3] = math.nan
    found, told = run(kernel, bad_x, t, params)
    hit = torch.zeros(3, 50, dtype=torch.bool)
    hit[1, 3] = True
    assert torch.equal(found.value.isnan(), hit)
    assert torch.equal(found.slope.isnan(), hit)
    assert torch.equal(found.slope[~hit], slope[~hit])
    assert told[:, 0].isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("name", NAMES)
def test_members_have_parameters_of_their_own_and_may_share_a_target(name):
    kernel, loss = pointwise.kernels()[name], name.split()[0]
    record = LOSSES[loss]
    settings = (samples.settings(record) * 3)[:3]
    params = torch.cat([numbers(kernel, one) for one in settings])
    x, t = samples.draw(record, shape=(3, 4100), dtype=torch.float32, soft=record.target == "probability")
    x = x.abs() + 0.25 if "log_input" in name else x
    found, sums = run(kernel, x, t[1].contiguous(), params, target_shared=True, divide=pointwise.BY_COUNT)
    for member in range(3):
        alone, told = run(kernel, x[member : member + 1], t[1:2], params[member : member + 1])
        assert torch.equal(found.value[member], alone.value[0])
        torch.testing.assert_close(found.slope[member], alone.slope[0] / 4100, rtol=1e-6, atol=0)
        assert torch.equal(sums[member], told[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
def test_half_precisions_are_computed_in_float32_and_rounded_once(dtype):
    for name in ("mse_loss", "huber_loss", "binary_cross_entropy_with_logits", "quality_focal_loss"):
        kernel, record = pointwise.kernels()[name], LOSSES[name]
        x, t = samples.draw(record, shape=(2, 4101), dtype=dtype, soft=record.target == "probability")
        x[0, :3] = torch.tensor([math.inf, 300.0, 1e-7]).to(dtype)
        params = numbers(kernel, record.defaults).expand(2, -1).contiguous()
        weight = torch.rand(2, 4101)
        for target in (t, t.float()):
            wide, told = run(kernel, x.float(), t.float(), params, weight=weight)
            found, sums = run(kernel, x, target, params, weight=weight)
            assert torch.equal(found.value, wide.value)
            assert torch.equal(found.slope, wide.slope.to(dtype))
            assert torch.equal(sums, told)
        narrow, _ = run(kernel, x.double(), t, params)
        same, _ = run(kernel, x.double(), t.double(), params)
        assert torch.equal(narrow.slope, same.slope)


def test_threads_change_no_bit(monkeypatch):
    kernel = pointwise.kernels()["sigmoid_focal_loss"]
    x, t = samples.draw(LOSSES["sigmoid_focal_loss"], shape=(3, 50_003), dtype=torch.float32)
    weight = torch.rand(x.shape)
    params = torch.tensor([[0.25, 2.0], [0.5, 0.0], [0.75, 1.5]], dtype=torch.float64)
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr(pointwise, "threads", lambda count=count: count)
        found.append(run(kernel, x, t, params, weight=weight, divide=pointwise.BY_WEIGHT))
    for other, told in found[1:]:
        assert torch.equal(other.value, found[0][0].value)
        assert torch.equal(other.slope, found[0][0].slope)
        assert torch.equal(told, found[0][1])


def test_the_gradient_may_take_the_place_of_the_input():
    kernel = pointwise.kernels()["log_cosh_loss"]
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x, t = torch.randn(2, 5003).to(dtype), torch.randn(2, 5003).to(dtype)
        params = torch.tensor([[0.5], [2.0]], dtype=torch.float64)
        found, _ = run(kernel, x, t, params)
        pointwise.run(kernel, x, t, params, gradient=x)
        assert torch.equal(x, found.slope)


def test_one_member_without_tensors_of_its_own():
    kernel = pointwise.kernels()["wing_loss"]
    x, t, weight = torch.randn(6, 50), torch.randn(6, 50), torch.rand(6, 50)
    params = torch.tensor([[1.5, 0.5]], dtype=torch.float64)
    options = {"weight": weight.view(1, -1), "divide": pointwise.BY_WEIGHT}
    found, sums = run(kernel, x.view(1, -1), t.view(1, -1), params, **options)
    gradient = torch.empty_like(x)
    told = pointwise.run_one(kernel, x, t, (1.5, 0.5), weight=weight, divide=pointwise.BY_WEIGHT, gradient=gradient)
    assert told == tuple(sums[0].tolist())
    assert torch.equal(gradient.view(1, -1), found.slope)


def test_python_threads_do_not_share_a_call():
    names, wrong = ["mse_loss", "l1_loss", "huber_loss", "cauchy_loss"], []
    x, t = torch.randn(1, 700), torch.randn(1, 700)

    def work(name: str) -> None:
        kernel = pointwise.kernels()[name]
        params = [1.0] * len(kernel.params)
        first, sums = run(kernel, x, t, torch.tensor([params], dtype=torch.float64))
        for _ in range(300):
            gradient = torch.empty_like(x)
            told = pointwise.run_one(kernel, x, t, params, gradient=gradient)
            if told != tuple(sums[0].tolist()) or not torch.equal(gradient, first.slope):
                wrong.append(name)

    workers = [threading.Thread(target=work, args=(name,)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
