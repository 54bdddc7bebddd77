"""How a member trains beside its loss and its optimiser, and what may be asked of its model."""

from dataclasses import dataclass

SCHEDULES = ("constant", "step", "cosine", "one-cycle")


@dataclass(frozen=True)
class Training:
    """Schedule, clipping, penalties and the like; the defaults change nothing, to the last bit."""

    schedule: str = "constant"  # of the learning rate, over all steps of the member
    warmup: float = 0.0  # the share of the steps in which the rate rises from zero
    clip_norm: float = 0.0  # the largest norm of a member's gradient; 0: any
    clip_value: float = 0.0  # the largest size of a number in it; 0: any
    ema: float = 0.0  # decay of the mean of the weights that predictions use; 0: the weights themselves
    l1: float = 0.0  # l1 * sum |w| + l2 / 2 * sum w^2 is added to the loss, over weights with two dimensions or more
    l2: float = 0.0
    patience: int = 0  # epochs without a better validation metric before a member stops, and keeps its best; 0: never
    accumulate: int = 1  # batches in a step, divided by the weight of all of them
    autocast: str = ""  # "bfloat16": the forward pass in it, the loss in float32


ARCHITECTURE = ("width", "depth", "dropout")
