"""Whether a population's training is native, and if not, why: in words that follow "not native: "."""

from collections.abc import Sequence

import torch

from losslab.kernels import updates
from losslab.kernels.backend import chosen
from losslab.kernels.library import status
from losslab.optim import get as update_rule
from losslab.train.batches import Fold, batch_sizes
from losslab.train.member import Member
from losslab.train.native.packed import DTYPES, compiled
from losslab.train.native.plan import Plan
from losslab.train.objective import kernel_of_loss


def why_not_here() -> str:
    """Why nothing trains natively in this process now, or nothing."""
    if chosen() in ("rule", "torch"):
        return f"losslab.backend is {chosen()!r}"
    return "" if compiled() else status().split(";")[0]


def why_not(plan: Plan, members: Sequence[Member], folds: Sequence[Fold], dtype: torch.dtype, device: str) -> str:
    """Why these members cannot train natively, or nothing."""
    if why_not_here():
        return why_not_here()
    if device != "cpu":
        return f"it runs on {device}"
    if plan.why_not:
        return plan.why_not
    if dtype not in DTYPES:
        return f"the weights are {dtype}"
    first = members[0]
    if first.training.accumulate > 1:
        return "a step accumulates several batches"
    if first.training.autocast:
        return f"it trains in {first.training.autocast}"
    return _folds(plan, members, folds, dtype) or _families(members)


def _folds(plan: Plan, members: Sequence[Member], folds: Sequence[Fold], dtype: torch.dtype) -> str:
    for number in {member.fold for member in members}:
        fold = folds[number]
        if fold.changing is not None:
            return "its inputs change each time that they are read"
        if fold.X.dtype != dtype:
            return f"the data are {fold.X.dtype} and the weights {dtype}"
        if fold.X[0].numel() != plan.features:
            return f"a row has {fold.X[0].numel()} features and the model takes {plan.features}"
        sizes = batch_sizes(len(fold.rows), members[0].batch_size)
        if plan.norms_rows and min(sizes) == 1:
            return "a batch norm cannot train on a batch of one row"
    for member in {(one.fold, one.objective.name): one for one in members}.values():
        record, y = member.objective.record, folds[member.fold].y[folds[member.fold].rows]
        if record is not None and record.kind == "rowwise":
            if y.dim() != 1 or y.is_floating_point() or y.min() < 0 or y.max() >= plan.outputs:
                return f"{record.name} is given other targets than classes from 0 to {plan.outputs - 1}"
        elif y[0].numel() != plan.outputs:
            return f"{member.objective.name} is given {y[0].numel()} targets for {plan.outputs} outputs"
    return ""


def _families(members: Sequence[Member]) -> str:
    for member in {one.family: one for one in members}.values():
        if kernel_of_loss(member.objective) is None:
            return f"{member.objective.name} has no compiled kernel"
        rule, kernel = update_rule(member.optimizer), updates.find(member.optimizer)
        if kernel is None:
            return f"{member.optimizer} has no compiled kernel"
        for name, value in member.options.items():
            if name not in kernel.options and value != rule.options[name]:
                return f"the compiled {member.optimizer} has no {name}"
    return ""
