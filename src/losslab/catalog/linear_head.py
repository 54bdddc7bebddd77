"""Cross-entropy with the last layer inside. Below, W and b are its weights and z = W x + b the scores."""

from collections.abc import Mapping
from math import log, prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from losslab.catalog.classification import cross_entropy, guarded, log_probabilities
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import UNIT, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.module import LossModule
from losslab.spec.record import Parameter, SetCase


def rows_and_places(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """The shape of the unreduced loss: rows of the input, and places (d1, ..., dk) for which each is classified."""
    return (*tensors["input"].shape[:-1], *tensors["linear_weight"].shape[1:-1])


def folded(tensors: dict[str, Any]) -> dict[str, Any]:
    """Rows in one dimension, and places in one; raises ValueError for shapes that do not fit."""
    if not all(isinstance(one, Tensor) for one in tensors.values()):
        return tensors
    x, w, y = (tensors[key] for key in ("input", "linear_weight", "target"))
    found = f"linear_cross_entropy: input has shape {tuple(x.shape)} and linear_weight {tuple(w.shape)}"
    if x.ndim < 1 or w.ndim < 2 or x.shape[-1] != w.shape[-1] or (w.ndim > 2 and x.ndim != 2):
        raise ValueError(f"{found}; they must be (..., D) and (C, D), or (N, D) and (C, d1, ..., dk, D)")
    (classes, *places), rows = w.shape[:-1], x.shape[:-1]
    wanted = {"linear_bias": (classes, *places)} if "linear_bias" in tensors else {}
    wanted["target"] = (*rows, classes, *places) if y.is_floating_point() else (*rows, *places)
    for key, shape in wanted.items():
        if tensors[key].shape != shape:
            what = f"{tensors[key].dtype}".removeprefix("torch.") + " of shape"
            also = (
                f" (class indices), or floating point of shape {(*rows, classes, *places)}" if key == "target" else ""
            )
            raise ValueError(f"{found}; {key} is {what} {tuple(tensors[key].shape)}, it must have shape {shape}{also}")
    n, k, inside = prod(rows), prod(places), {}
    inside["target"] = y.reshape(n, classes, k) if y.is_floating_point() else y.reshape(n, k)
    if "linear_bias" in tensors:
        inside["linear_bias"] = tensors["linear_bias"].reshape(classes, k)
    return {**tensors, "input": x.reshape(n, x.shape[-1]), "linear_weight": w.reshape(classes, k, w.shape[-1])} | inside


def not_options(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    chosen = options.get("options")
    if chosen is None or type(chosen).__name__ == "LinearCrossEntropyOptions":
        return None
    return f"options = {chosen!r}; it must be None or a torch.nn.LinearCrossEntropyOptions"


def whole(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    if options.get("options") is None:
        return None
    return "options ask for the scores in chunks; they are computed at once, with the same value and more memory"


def weights(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {"weight": 0.5 + torch.rand(sizes["C"], generator=generator, dtype=torch.float64)}


class LinearHead(LossModule):
    """A loss module with a last layer `linear` of its own, laid out as in torch.nn.LinearCrossEntropyLoss."""

    holds = ("linear_weight", "linear_bias")

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        device: Any = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        name = type(self).__name__
        for what, size in (("in_features", in_features), ("num_classes", num_classes)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise TypeError(f"{name}: {what} = {size!r}; it must be a whole number from 1 on")
        weight = kwargs.get("weight")
        if weight is not None and weight.shape != (num_classes,):
            raise ValueError(f"{name}: weight has shape {tuple(weight.shape)}; it must be ({num_classes},)")
        self.in_features, self.num_classes, self.out_features = in_features, num_classes, tuple(out_features)
        self.linear = nn.Linear(in_features, num_classes * prod(out_features), bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor, **kwargs: Any) -> Tensor:
        """The loss of what comes before the last layer: input (N, in_features)."""
        shape = (self.num_classes, *self.out_features)
        own = {"linear_weight": self.linear.weight.reshape(*shape, self.in_features)}
        own |= {} if self.linear.bias is None else {"linear_bias": self.linear.bias.reshape(shape)}
        return super().forward(input, target, **own, **kwargs)


# Scores of probabilities (1/2, 1/2) and (1/10, 9/10), from inputs 1 and 2 by weights ln 3 and 0, less ln 3.
STEEP = {"linear_weight": [[0.0], [log(3)]], "linear_bias": [log(3), 0.0]}


@loss(
    kind="set",
    formula=r"-\log\operatorname{softmax}(W x + b)_y",
    source="Good, Rational decisions, Journal of the Royal Statistical Society B 1952",
    task="multiclass",
    outputs="classes",
    link="softmax",
    group="log_loss",
    untunable="it holds the weights of the last layer, and a search has heads of its own: take `cross_entropy`",
    layout=Layout(
        {
            "input": Operand("N D", predicted=True), "linear_weight": Operand("C K D", predicted=True),
            "target": Operand("N K", "class or distribution"),
            "linear_bias": Operand("C K", predicted=True), "weight": Operand("C"),
        },
        "N K", prepare=folded, outer=rows_and_places, draw=weights,
    ),
    refuses=not_options,
    smells=whole,
    bounds={"label_smoothing": Parameter(UNIT, search=Interval(0, 0.3))},
    torch_name="linear_cross_entropy",
    module_name="LinearCrossEntropyLoss",
    module_class=LinearHead,
    takes_ignore_index=True,
    uses=(log_probabilities, guarded),
    facts=Facts(convex=True, smooth=True),
    cases=(
        # input 1: z = ln 3 - ln 3, p = 1/2; input 3: z = 3 ln 3 - ln 3, p = 9/10; slopes p - y, back through W
        SetCase(
            {"input": [[1.0], [3.0]], "target": [0, 1]} | STEEP, (log(2) + log(10 / 9)) / 2, {},
            {
                "input": [[log(3) / 4], [-log(3) / 20]],
                "linear_weight": [[-0.25 + 0.15], [0.25 - 0.15]], "linear_bias": [-0.25 + 0.05, 0.25 - 0.05],
            },
            1e-12,
        ),
        # smoothing 1/5: targets 9/10 and 1/10; weights 2 and 3 of the classes: (9/10 2 ln 2 + 1/10 3 ln 2) / 2
        SetCase(
            {"input": [[1.0], [5.0]], "target": [0, -100], "weight": [2.0, 3.0]} | STEEP, 2.1 * log(2) / 2,
            {"label_smoothing": 0.2}, tolerance=1e-12,
        ),
        # no batch, a distribution: ln 10 / 4 + 3/4 ln(10/9); slope p - y = 9/10 - 3/4
        SetCase(
            {"input": [3.0], "target": [0.25, 0.75]} | STEEP, log(10) / 4 + 0.75 * log(10 / 9), {},
            {"input": [0.15 * log(3)]}, 1e-12,
        ),
        # two places: scores (0, ln 3) and (0, -ln 3) of input 1
        SetCase(
            {"input": [[1.0]], "linear_weight": [[[0.0], [0.0]], [[log(3)], [-log(3)]]], "target": [[1, 1]]},
            [[log(4 / 3), log(4)]], {"reduction": "none"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    label_smoothing: float | Tensor = 0.0,
    options: Any = None,
    mask: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy of scores that a last linear layer makes: `cross_entropy(linear(input, W, b), target)`.

    For language models, whose last layer is large. input: (..., D); linear_weight: (C, D) and linear_bias: (C,). With
    further dimensions (C, d1, ..., dk, D), each row of input (N, D) is classified in d1 x ... x dk places at once.
    target: class indices (..., d1, ..., dk), or probabilities with the classes in dimension 1.
    The module owns the layer, under the names of torch's. `options` is accepted for torch's sake: scores are made at
    once, so the value is the same and memory is not saved; all derivatives exist.
    """
    input = input if mask is None else torch.where(mask.any(-1, keepdim=True), input, 0.0)
    bias = None if linear_bias is None else linear_bias.flatten()
    scores = F.linear(input, linear_weight.flatten(0, 1), bias).unflatten(-1, linear_weight.shape[:2]).movedim(1, -1)
    target = target.movedim(1, -1) if target.is_floating_point() else target
    result: Tensor | tuple[Tensor, Tensor] = cross_entropy.rule(
        scores, target, label_smoothing=label_smoothing, weight=weight
    )
    return result
