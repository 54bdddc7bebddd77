"""The contract of a loss at its edges: precision, strides, wrong and empty batches, far inputs."""

import math
import warnings

import torch
from torch import Tensor

from losslab.spec import policy
from losslab.spec.interval import REAL, UNIT
from losslab.spec.module import module
from losslab.spec.record import LossRecord
from losslab.testing.claims import counts, need, quiet, refused, same, value_and_gradient
from losslab.testing.samples import CLASSES, draw, settings


def check_half_precision(record: LossRecord) -> None:
    """float16 and bfloat16 are computed, reduced and returned in float32."""
    for dtype in (torch.float16, torch.bfloat16):
        input, target = draw(record, shape=(40,), dtype=dtype)
        wide = target.float() if target.is_floating_point() else target
        expected, slope = value_and_gradient(record, input.float(), wide)
        found, gradient = value_and_gradient(record, input, target)
        need(record, found.dtype == torch.float32, f"{dtype} input gives {found.dtype}; float32 is wanted")
        need(record, gradient.dtype == dtype, f"the gradient of {dtype} input is {gradient.dtype}")
        same(record, f"value in {dtype}", found, expected, 1e-6)
        same(record, f"gradient in {dtype}", gradient.float(), slope, 1e-2)
    same_in_single(record)


def same_in_single(record: LossRecord) -> None:
    for params in settings(record):
        input, target = draw(record, params)
        narrow = target.float() if target.is_floating_point() else target
        expected, slope = value_and_gradient(record, input, target, **params)
        found, gradient = value_and_gradient(record, input.float(), narrow, **params)
        same(record, f"float32 against float64 at {params}", found.double(), expected, 1e-4)
        same(record, f"gradient, float32 against float64 at {params}", gradient.double(), slope, 1e-4)


def check_non_contiguous(record: LossRecord) -> None:
    """Strides do not matter."""
    input, target = draw(record, shape=(6, 3))
    strided = torch.stack([input, input], -1)[..., 0]
    turned = target.movedim(0, -1).contiguous().movedim(-1, 0)
    expected, slope = value_and_gradient(record, input, target)
    found, gradient = value_and_gradient(record, strided, turned)
    same(record, "value of strided tensors", found, expected)
    same(record, "gradient of strided tensors", gradient, slope)


def check_shape_errors(record: LossRecord) -> None:
    """What is wrong is refused in words that name what was found."""
    name = record.name
    input, target = draw(record)
    refused(record, TypeError, [name, "list"], input.tolist(), target)
    refused(record, TypeError, [name, "int64"], torch.ones_like(input).long(), target)
    refused(record, TypeError, [name, "bool"], torch.ones_like(input).bool(), target)
    refused(record, TypeError, [name, "reductoin", "reduction"], input, target, reductoin="sum")
    refused(record, ValueError, [name, "'average'", "'mean'"], input, target, reduction="average")
    refused(record, TypeError, [name, "size_average", "reduction"], input, target, size_average=False)
    refused(record, TypeError, [name, "mask", "bool"], input, target, mask=torch.ones(target.shape))
    wrong = torch.ones(len(target) + 1)
    refused(record, ValueError, [name, "mask", f"({len(target) + 1},)"], input, target, mask=wrong.bool())
    refused(record, ValueError, [name, "sample_weight", f"({len(target)},)"], input, target, sample_weight=wrong)
    rows = len(target)
    if record.kind == "pointwise":
        found = [name, f"({rows},)", f"({rows}, 1)", "squeeze"]
        refused(record, ValueError, found, input, target.unsqueeze(1))
        refused(record, ValueError, found, input.unsqueeze(1), target)
    else:
        refused(
            record, ValueError, [name, str(tuple(input.shape)), f"({rows}, 1)", "squeeze"], input, target.unsqueeze(1)
        )
        refused(record, ValueError, [name, "float64", "long"], input, target.double())
        refused(record, ValueError, [name, str(tuple(input.shape)), f"({rows - 1},)"], input, target[1:])
        bad = target.clone()
        bad[3] = CLASSES + 4
        refused(record, ValueError, [name, str(CLASSES + 4), "[3]", f"{CLASSES} classes"], input, bad)
        bad[3] = -1
        refused(record, ValueError, [name, "-1", "[3]", f"{CLASSES} classes"], input, bad)
        for kind in (torch.int8, torch.uint8, torch.int16, torch.int32):
            same(record, f"labels of {kind}", quiet(record, input, target.to(kind)), quiet(record, input, target))
    if record.takes_weight:
        refused(record, ValueError, [name, "weight", f"({rows + 1},)"], input, target, weight=wrong)
    for key, parameter in record.parameters.items():
        for end, step in ((parameter.domain.low, -1.0), (parameter.domain.high, 1.0)):
            if math.isfinite(end):
                refused(record, ValueError, [name, key, str(parameter.domain)], input, target, **{key: end + step})
                wrong_end = {**counts(record), key: end + step}
                refused(module(record), ValueError, [record.module_name, key], **wrong_end)
        refused(record, ValueError, [name, key], input, target, **{key: math.nan})
    if record.input_domain == UNIT:
        refused(record, ValueError, [name, "1.5", "[1]"], torch.tensor([0.5, 1.5]), torch.tensor([0.0, 1.0]))
    refused(
        module(record)(**counts(record)).__getitem__, TypeError, [record.module_name, "round brackets"], (input, target)
    )


def check_counts(record: LossRecord) -> None:
    """What a loss wants to know of each class cannot be left out, cut short or zero; the module keeps it."""
    name, (input, target) = record.name, draw(record)
    right = counts(record, input)
    for key, value in right.items():
        others = {k: v for k, v in right.items() if k != key}
        try:
            record(input, target, **others)
        except TypeError as error:
            need(record, f"{key} is missing" in str(error), f"the error does not say that {key} is missing: {error}")
        else:
            need(record, False, f"nothing was raised without {key}")
        refused(record, TypeError, [name, key, "list"], input, target, **{key: value.tolist()})
        refused(record, ValueError, [name, key, f"({CLASSES - 1},)"], input, target, **{key: value[1:]})
        none = torch.where(torch.arange(CLASSES) == 2, 0.0, value)
        refused(record, ValueError, [name, key, "0 at [2]", "clamp"], input, target, **{key: none})
        built = module(record)(**right)
        need(record, key in built.state_dict(), f"{key} is not in state_dict")
        whole = torch.arange(2, CLASSES + 2)
        same(record, f"{key} as whole numbers", quiet(record, input, target, **{**right, key: whole}),
             quiet(record, input, target, **{**right, key: whole.double()}))  # fmt: skip


def check_empty(record: LossRecord) -> None:
    """The mean of nothing: zero with zero gradient and one warning, NaN, or an error, as asked."""
    input, target = draw(record)
    nothing = torch.zeros(target.shape, dtype=torch.bool)
    batches = [((input[:0], target[:0]), {}), ((input, target), {"mask": nothing})]
    batches += [((input, target), {"sample_weight": torch.zeros(target.shape)})]
    if record.takes_ignore_index:
        batches += [((input, torch.full_like(target, -100)), {})]
    for (x, y), options in batches:
        policy.forget()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for _ in range(2):
                x = x.detach().requires_grad_()
                value = record(x, y, **counts(record, x), **options)
                value.backward()
        told = [w for w in seen if issubclass(w.category, policy.EmptyLossWarning)]
        need(record, len(told) == 1, f"{len(told)} warnings for two empty batches; one is wanted")
        need(
            record,
            value.item() == 0 and x.grad is not None and not x.grad.any(),
            f"an empty batch gives {value.item()}, not 0 with zero gradient",
        )
        need(record, quiet(record, x, y, empty="nan", **options).isnan().item(), 'empty="nan" does not give NaN')
        need(record, quiet(record, x, y, reduction="sum", **options).item() == 0, "the sum of nothing is not 0")
        refused(record, ValueError, [record.name, "nothing to average"], x, y, empty="raise", **options)


def check_extremes(record: LossRecord) -> None:
    """Far inputs and perfect fits give no NaN: finite in float32 up to 1e4, and equal to float64."""
    for params in settings(record):
        for input, target in extremes(record):
            expected, slope = value_and_gradient(record, input.double(), target, reduction="none", **params)
            narrow = target.float() if target.is_floating_point() else target
            found, gradient = value_and_gradient(record, input, narrow, reduction="none", **params)
            where = f"for input {input.tolist()}, target {target.tolist()} at {params}"
            need(record, not found.isnan().any() and not gradient.isnan().any(), f"NaN {where}")
            if record.input_domain == REAL:
                need(record, bool(found.isfinite().all() and gradient.isfinite().all()), f"overflow {where}")
                same(record, f"value {where}", found.double(), expected, 1e-4)
                same(record, f"gradient {where}", gradient.double(), slope, 1e-4)


def extremes(record: LossRecord) -> list[tuple[Tensor, Tensor]]:
    if record.kind == "rowwise":
        scores = torch.tensor([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0], [-1e4, 1e4, 1e4], [50.0, -50.0, 0.0]])
        scores = scores.log_softmax(1) if record.input_domain.high == 0 else scores
        return [(scores, torch.full((4,), label)) for label in range(3)]
    if record.input_domain == UNIT:
        ends = torch.tensor([0.0, 1.0, 1e-30, 1e-13, 0.5])
        return [(ends, torch.full((5,), float(y))) for y in (0, 1)]
    if record.target in ("probability", "sign"):
        scores = torch.tensor([0.0, 1e4, -1e4, 100.0, -100.0, 30.0, -30.0])
        scores = scores if record.input_domain == REAL else scores.abs()
        return [(scores, torch.full((7,), record.spell(y))) for y in (0.0, 1.0)]
    if record.input_domain == REAL and record.target_domain == REAL:
        return [(torch.tensor([3.0, 1e4, -1e4, 3.0001, 1e-4]), torch.tensor([3.0, 0.0, 0.0, 3.0, 0.0]))]
    return []
