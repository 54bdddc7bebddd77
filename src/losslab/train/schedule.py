"""The learning rate over a member's own steps, as a factor on its `lr`.

Equal to torch.optim.lr_scheduler's, step by step: StepLR, CosineAnnealingLR, OneCycleLR (without cycling the momentum),
after a LinearLR for the warm-up.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from losslab.train.member import Member

PHASES, GAMMA = 3, 0.1  # "step": a tenth of the rate after each third
PCT_START, DIV, FINAL_DIV = 0.3, 25.0, 1e4  # "one-cycle": torch's defaults


def factors(members: Sequence[Member], done: Tensor, in_epoch: int) -> Tensor | None:
    """The factors (K, S) of steps before which a member has made `done` (K, S) others; None where all are 1.

    in_epoch: how many steps an epoch has; a member's last step is that of its last epoch, `Member.epochs`. Raises
    ValueError where a schedule needs an end and the member has none.
    """
    changing = [place for place, m in enumerate(members) if m.training.schedule != "constant" or m.training.warmup]
    if not changing:
        return None
    whole = torch.ones_like(done, dtype=torch.float64)
    for place in changing:
        member = members[place]
        if not member.epochs:
            raise ValueError(f"schedule={member.training.schedule!r} needs to know how many epochs a member trains")
        total = member.epochs * in_epoch
        whole[place] = factor(member.training.schedule, member.training.warmup, done[place].double(), total)
    return whole


def factor(schedule: str, warmup: float, done: Tensor, total: int) -> Tensor:
    """The factor at steps before which `done` others were made, of `total`; float64, of the same shape.

    The warm-up rises in equal parts from zero, which it leaves out, to where the schedule begins.
    """
    rising = round(warmup * total)
    main = _main(schedule, (done - rising).clamp(0, max(total - rising - 1, 0)), max(total - rising, 1))
    return torch.where(done < rising, main * (done + 1) / (rising + 1), main)


def _main(schedule: str, done: Tensor, total: int) -> Tensor:
    if schedule == "step":
        return GAMMA ** (done // math.ceil(total / PHASES))
    if schedule == "cosine":
        return _falling(done / total)
    if schedule == "one-cycle":
        top, end = PCT_START * total - 1, total - 1
        first, lowest = 1 / DIV, 1 / (DIV * FINAL_DIV)
        rise = first + (1 - first) * (1 - _falling(done / top))
        fall = lowest + (1 - lowest) * _falling((done - top) / (end - top))
        return torch.where(done <= top, rise, fall)
    return torch.ones_like(done)


def _falling(share: Tensor) -> Tensor:
    """Half a cosine wave: 1 at 0, 0 at 1."""
    return (1 + torch.cos(math.pi * share)) / 2
