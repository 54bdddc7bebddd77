"""The tensors of one call as a loss kernel reads them, or the words for why it cannot."""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor

from losslab.kernels.calls import DTYPES, TAKES_CLASS_WEIGHT, TAKES_SOFT, Job
from losslab.kernels.options import Options
from losslab.spec.checks import broadcasts
from losslab.spec.record import LossRecord

NOT_RIGHT = "the call is not right, or has nothing to average"


def prepare(
    record: LossRecord, options: Options, input: Tensor, target: Tensor, tensors: Mapping[str, Tensor]
) -> Job | str:
    """The kernel's job; a text where only the rule can do it, or can say what is wrong."""
    if options.kernel is None:
        return options.why_not
    if not input.numel():
        return NOT_RIGHT
    for key, one in tensors.items():
        if not isinstance(one, Tensor) or not one.is_cpu or one.layout is not torch.strided or one.is_neg():
            return NOT_RIGHT
        if one.requires_grad or one.is_complex():
            return f"{key} requires a gradient or is complex"
    job = Job()
    job.options, job.kernel, job.by_count = options, options.kernel, options.by_count
    job.weight = job.mask = job.class_weight = job.per_class = job.label = job.soft = job.ignore = job.moved = None
    computing = torch.float64 if input.dtype == torch.float64 else torch.float32
    fill = _rowwise if options.kernel.rowwise else _pointwise
    why = fill(record, job, input, target, tensors, computing)
    if why:
        return why
    if "sample_weight" in tensors:
        one = tensors["sample_weight"]
        if one.shape != job.value_shape:
            return NOT_RIGHT
        one = one.to(computing).contiguous()
        job.weight = one if job.weight is None else job.weight * one
    if "mask" in tensors:
        one = tensors["mask"]
        if one.dtype != torch.bool or one.shape != job.value_shape:
            return NOT_RIGHT
        job.mask = one.contiguous()
    return job


def _pointwise(
    record: LossRecord, job: Job, input: Tensor, target: Tensor, tensors: Mapping[str, Tensor], computing: torch.dtype
) -> str:
    if input.shape != target.shape:
        return NOT_RIGHT
    if target.dtype != input.dtype:
        if target.dtype not in DTYPES:
            target = target.to(computing)
        elif target.dtype == torch.float64 != computing:
            return f"input is {input.dtype} and target float64, which are computed in float64"
    job.value_shape = input.shape
    job.input = input if input.is_contiguous() else input.contiguous()
    job.target = target if target.is_contiguous() else target.contiguous()
    if "weight" in tensors:
        weight = tensors["weight"]
        if weight.shape != input.shape:
            if record.target == "real" or not broadcasts(weight.shape, input.shape):
                return NOT_RIGHT
            weight = weight.expand(input.shape)
        job.weight = weight.to(computing).contiguous()
        if not counts(record):
            if "sample_weight" in tensors:
                return "weight and sample_weight together count otherwise than they weigh"
            job.by_count = True
    return ""


def _rowwise(
    record: LossRecord, job: Job, input: Tensor, target: Tensor, tensors: Mapping[str, Tensor], computing: torch.dtype
) -> str:
    shape, dim, dims = input.shape, job.options.class_dim, input.ndim
    if type(dim) is not int or dims == 0:
        return NOT_RIGHT
    if dims == 1:
        dim = 0
    elif not -dims <= dim < dims:
        return NOT_RIGHT
    dim %= dims
    classes, rows = shape[dim], shape[:dim] + shape[dim + 1 :]
    job.value_shape = rows
    if dims == 2 and dim == 1:
        job.rows = (shape[0], classes, 1)
    else:
        job.rows = (prod(shape[:dim]), classes, prod(shape[dim + 1 :]))
    if not input.is_contiguous():
        last = input.movedim(dim, -1)
        if last.is_contiguous():  # classes lie together, whatever their dimension is
            input, job.moved, job.rows = last, dim, (prod(rows), classes, 1)
        else:
            input = input.contiguous()
    job.input = input
    if not target.is_floating_point():
        if target.shape != rows:
            return NOT_RIGHT
        job.label = target.long().contiguous()
        job.ignore = job.options.ignore_index
    elif record.target == "class or distribution" and target.shape == shape:
        ignored = job.options.ignore_index
        if ignored is not None and ignored >= 0:
            return NOT_RIGHT
        if not job.kernel.traits & TAKES_SOFT:
            return "the kernel takes classes, not distributions"
        if target.dtype == torch.float64 != computing:
            return f"input is {input.dtype} and target float64, which are computed in float64"
        target = target if job.moved is None else target.movedim(dim, -1)
        job.soft = target.to(computing).contiguous()
    else:
        return NOT_RIGHT
    job.target = target
    if "weight" in tensors:
        if tensors["weight"].shape != (classes,):
            return NOT_RIGHT
        if not job.kernel.traits & TAKES_CLASS_WEIGHT:
            return "the kernel takes no weight of classes"
        job.class_weight = tensors["weight"].to(computing).contiguous()
    for key in record.per_class:
        one = tensors[key]
        if one.shape != (classes,) or not (one > 0).all():
            return NOT_RIGHT
        job.per_class = one.to(computing).contiguous()
    return ""


_COUNTS: dict[str, bool] = {}


def counts(record: LossRecord) -> bool:
    """Whether the mean of a pointwise loss divides by the sum of its `weight`: its rule then gives that beside it."""
    if record.name not in _COUNTS:
        half = torch.full((1,), 0.5)
        _COUNTS[record.name] = isinstance(record.rule(half, half, weight=half), tuple)
    return _COUNTS[record.name]
