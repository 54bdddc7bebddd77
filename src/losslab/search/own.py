"""A loss that was found, as a module for any PyTorch loop."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from losslab.spec.module import module
from losslab.spec.record import LossRecord
from losslab.train.lookup import is_own


def loss_module(record: LossRecord, params: Mapping[str, Any]) -> nn.Module:
    """The loss with these parameters; a user's own module is given back as it is, a function of theirs is wrapped."""
    if not is_own(record):
        counts = {name: torch.as_tensor(params[name]) for name in record.per_class if name in params}
        return cast(nn.Module, module(record)(**{**params, **counts}))
    return record.rule if isinstance(record.rule, nn.Module) else OwnLoss(record.rule)


class OwnLoss(nn.Module):
    """A user's own function `(input, target)` as a module: its mean, where it gives a value per sample."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return cast(Tensor, self.function(input, target)).mean()
