"""The contract of losses of several tensors at its edges: precision, strides, wrong and empty batches, far inputs."""

import math
import warnings

import torch

from losslab.spec import policy
from losslab.spec.record import LossRecord
from losslab.spec.sets import layout_of
from losslab.testing.claims import need, quiet, refused, same
from losslab.testing.samples import settings
from losslab.testing.set_samples import Batch, draw, mask_like, predicted, same_gradients, value_and_gradients


def check_half_precision(record: LossRecord) -> None:
    """float16 and bfloat16 are computed, reduced and returned in float32; float32 equals float64."""
    for dtype in (torch.float16, torch.bfloat16):
        batch = rounded(record, draw(record), dtype)
        wide = {key: one.float() if one.is_floating_point() else one for key, one in batch.items()}
        expected, slopes = value_and_gradients(record, wide)
        found, gradients = value_and_gradients(record, batch)
        need(record, found.dtype == torch.float32, f"{dtype} gives {found.dtype}; float32 is wanted")
        same(record, f"value in {dtype}", found, expected, 1e-6)
        same_gradients(record, f"in {dtype}", {k: g.float() for k, g in gradients.items()}, slopes, 1e-2)
    for params in settings(record):
        batch = draw(record)
        expected, slopes = value_and_gradients(record, batch, **params)
        narrow = {key: one.float() if one.is_floating_point() else one for key, one in batch.items()}
        found, gradients = value_and_gradients(record, narrow, **params)
        same(record, f"float32 against float64 at {params}", found.double(), expected, 1e-4)
        wide = {key: one.double() for key, one in gradients.items()}
        same_gradients(record, f"float32 against float64 at {params}", wide, slopes, 1e-4)


def rounded(record: LossRecord, batch: Batch, dtype: torch.dtype) -> Batch:
    """The predicted operands in a narrow type, other floats in float32: distributions must go on summing to one."""
    narrow = {key: dtype if key in predicted(record, batch) else torch.float32 for key in batch}
    return {key: one.to(narrow[key]) if one.is_floating_point() else one for key, one in batch.items()}


def check_non_contiguous(record: LossRecord) -> None:
    """Strides do not matter."""
    batch = draw(record)
    strided = {key: torch.stack([one, one], -1)[..., 0] for key, one in batch.items()}
    expected, slopes = value_and_gradients(record, batch)
    found, gradients = value_and_gradients(record, strided)
    same(record, "value of strided tensors", found, expected)
    same_gradients(record, "of strided tensors", gradients, slopes)


def check_errors(record: LossRecord) -> None:
    """What is wrong is refused in words that name what was found."""
    name, layout, batch = record.name, layout_of(record), draw(record)
    for key, operand in layout.operands.items():
        if operand.holds != "length":
            refused(record, TypeError, [name, key, "list"], **{**batch, key: batch[key].tolist()})
        if operand.predicted:
            refused(record, TypeError, [name, key, "int64"], **{**batch, key: torch.ones_like(batch[key]).long()})
        shape = str(tuple(batch[key].unsqueeze(0).unsqueeze(0).shape))
        if len(layout.operands) > 1:
            refused(record, ValueError, [name, shape], **{**batch, key: batch[key][None, None]})
        if operand.holds in ("class", "grade"):
            bad = batch[key].clone()
            bad.view(-1)[1] = 99
            refused(record, ValueError, [name, key, "99"], **{**batch, key: bad})
        if operand.holds in ("class", "grade", "label"):
            for kind in (torch.int8, torch.uint8, torch.int16, torch.int32):
                found = quiet(record, **{**batch, key: batch[key].to(kind)})
                same(record, f"{key} of {kind}", found, quiet(record, **batch))
    first = record.tensors[0]
    refused(record, TypeError, [name, first, "missing"], **{k: v for k, v in batch.items() if k != first})
    refused(record, TypeError, [name, "reductoin", "reduction"], **batch, reductoin="sum")
    refused(record, ValueError, [name, "'average'", "'mean'"], **batch, reduction="average")
    refused(record, TypeError, [name, "size_average", "reduction"], **batch, size_average=False)
    if layout.mask is not None:
        full = mask_like(record, batch)
        refused(record, TypeError, [name, "mask", "bool"], **batch, mask=full.float())
        refused(record, ValueError, [name, "mask"], **batch, mask=torch.ones((*full.shape, 2), dtype=torch.bool))
    for key, parameter in record.parameters.items():
        for end, step in ((parameter.domain.low, -1.0), (parameter.domain.high, 1.0)):
            if math.isfinite(end):
                refused(record, ValueError, [name, key, str(parameter.domain)], **batch, **{key: end + step})
        refused(record, ValueError, [name, key], **batch, **{key: math.nan})


def check_empty(record: LossRecord) -> None:
    """The mean of nothing: zero with zero gradient and one warning, NaN, or an error, as asked."""
    layout, batch = layout_of(record), draw(record)
    batches: list[tuple[Batch, dict[str, torch.Tensor]]] = []
    if layout.mask is not None:
        batches.append((batch, {"mask": torch.zeros_like(mask_like(record, batch))}))
        if record.takes_ignore_index:
            batches.append(({**batch, "target": torch.full_like(batch["target"], -100)}, {}))
    if layout.unreduced.startswith("N"):
        batches.append((draw(record, N=0), {}))
    if layout.unreduced == "*":
        batches.append((draw(record, star=0), {}))
    for given, options in batches:
        policy.forget()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for _ in range(2):
                value = record(**given, **options)
        told = [w for w in seen if issubclass(w.category, policy.EmptyLossWarning)]
        need(record, len(told) == 1, f"{len(told)} warnings for two empty batches; one is wanted")
        value, slopes = value_and_gradients(record, given, **options)
        need(record, value.item() == 0, f"an empty batch gives {value.item()}, not 0")
        need(record, not any(slope.any() for slope in slopes.values()), "an empty batch has a gradient that is not 0")
        need(record, quiet(record, **given, empty="nan", **options).isnan().item(), 'empty="nan" does not give NaN')
        need(record, quiet(record, **given, reduction="sum", **options).item() == 0, "the sum of nothing is not 0")
        refused(record, ValueError, [record.name, "nothing to average"], **given, empty="raise", **options)


def check_extremes(record: LossRecord) -> None:
    """Far, equal and zero predictions give no NaN, neither in the value nor in the gradient, in float32."""
    layout = layout_of(record)
    for params in settings(record):
        for what, batch in extremes(record):
            found, slopes = value_and_gradients(record, batch, reduction="none", **params)
            need(record, not found.isnan().any(), f"NaN for {what} predictions at {params}")
            for key, slope in slopes.items():
                need(
                    record, not slope.isnan().any(), f"NaN in the gradient by {key} for {what} predictions at {params}"
                )
                if layout.operands[key].domain.low == -math.inf:
                    need(
                        record, bool(slope.isfinite().all()), f"the gradient by {key} overflows for {what} predictions"
                    )


def extremes(record: LossRecord) -> list[tuple[str, Batch]]:
    layout, batch = layout_of(record), draw(record, dtype=torch.float32)
    free = [k for k in predicted(record, batch) if layout.operands[k].holds == "real"]
    free = [k for k in free if layout.operands[k].domain.low == -math.inf]
    far = {key: batch[key] * 1e4 for key in free if layout.operands[key].domain.high == math.inf}
    near = {key: batch[key] * 1e-6 for key in free}
    zero = {key: batch[key] * 0 for key in free}
    one = {key: batch[key] * 0 + (-1.0 if layout.operands[key].domain.high == 0 else 1.0) for key in free}
    names = {"far": far, "near": near, "zero": zero, "equal": one}
    return [(what, {**batch, **changed}) for what, changed in names.items() if changed]


def check_class_dim(record: LossRecord) -> None:
    """The classes may be in another dimension."""
    batch = draw(record, star=(2, 3))
    expected = quiet(record, **batch)
    over = [k for k, one in layout_of(record).operands.items() if "C" in one.names and one.names[-1] == "*"]
    last = {key: one.movedim(1, -1) if key in over else one for key, one in batch.items()}
    same(record, "classes last", quiet(record, **last, class_dim=-1), expected)
