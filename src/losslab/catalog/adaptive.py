"""Adaptive softmax: rare classes in clusters, with layers of their own. A module, and no record: it is half a model."""

import torch
from torch import Tensor, nn
from torch.nn.modules.adaptive import _ASMoutput as Output

from losslab.spec import checks, policy

NAME = "AdaptiveLogSoftmaxWithLoss"


class AdaptiveLogSoftmaxWithLoss(nn.AdaptiveLogSoftmaxWithLoss):
    """Log loss over very many classes, the rare ones in clusters that are computed only when one of them is a target.

    AdaptiveLogSoftmaxWithLoss(in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None)

    Classes must be sorted by how often they are seen, the most frequent first: below `cutoffs[0]` they are in the head,
    from there to `cutoffs[1]` in the first cluster, and so on. Each cluster has `div_value` times fewer features than
    the one before. Called with what comes before the last layer, (N, in_features) or (in_features,), and classes (N,)
    or (), it returns torch's named tuple: `output`, the log-probability of each target, and `loss`, minus their mean.
    `log_prob(input)` gives those of all classes, `predict(input)` the most probable class. Weights have torch's names.

    Values are torch's. Beyond it: labels of every integer type; shapes and labels are refused in words, before anything
    is computed; a batch without rows has the loss 0 and one warning (NaN within `torch_compatible()`).
    For some thousands of classes a full softmax is faster and exact to train: `LinearCrossEntropyLoss`. It is in no
    search: a search has heads of its own.
    Source: Grave et al., Efficient softmax approximation for GPUs, ICML 2017
    """

    __module__ = "losslab.nn"

    def forward(self, input_: Tensor, target_: Tensor) -> Output:
        """The log-probability of each target, and the loss."""
        self._check_input(input_, (1, 2))
        self._check_target(target_, input_.shape[:-1])
        if target_.numel() > 0 or policy.compatible():
            return super().forward(input_, target_.long())
        text = "nothing to average: the batch is empty; the loss is 0 with zero gradient"
        policy.warn_once(NAME, "empty", text, policy.EmptyLossWarning)
        output = self.head(input_).sum(-1) * 0.0
        return Output(output, output.sum())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) -> (N, n_classes)."""
        self._check_input(input, (2,))
        return super().log_prob(input)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row: (N, in_features) -> (N,)."""
        self._check_input(input, (2,))
        return super().predict(input)

    def _check_input(self, input: Tensor, dims: tuple[int, ...]) -> None:
        if not isinstance(input, Tensor):
            raise TypeError(f"{NAME}: input must be a torch.Tensor, found {type(input).__name__}")
        if input.ndim not in dims or input.shape[-1] != self.in_features:
            wanted = " or ".join(f"({'N, ' * (n - 1)}{self.in_features})" for n in dims)
            raise ValueError(f"{NAME}: input has shape {tuple(input.shape)}; it must be {wanted}")
        if not input.is_floating_point():
            raise TypeError(f"{NAME}: input is {checks.plain(input.dtype)}; it must be floating point")

    def _check_target(self, target: Tensor, rows: torch.Size) -> None:
        if not isinstance(target, Tensor):
            raise TypeError(f"{NAME}: target must be a torch.Tensor, found {type(target).__name__}")
        if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
            found = checks.plain(target.dtype)
            raise TypeError(f"{NAME}: target is {found}; it must hold class indices (integers): use target.long()")
        if target.shape != rows:
            raise ValueError(
                f"{NAME}: target has shape {tuple(target.shape)}; with this input it must be {tuple(rows)}, one class "
                "for each row"
            )
        if policy.traced() or target.device.type == "meta":
            return
        bad = (target < 0) | (target >= self.n_classes)
        if bad.any():
            label, where = checks.first(target, bad)
            raise ValueError(
                f"{NAME}: label {int(label)}{where} is out of range: there are {self.n_classes} classes, so labels run "
                f"from 0 to {self.n_classes - 1}"
            )
