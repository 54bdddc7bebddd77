"""`losslab.plan`: what the native engine makes of a model, or why it cannot run it."""

from dataclasses import dataclass

from torch import nn

from losslab.train.native.layers import Layer, UnreadableError
from losslab.train.native.read import read


@dataclass(frozen=True)
class Plan:
    """The layers that a model was read as; or none, and `why_not` in words.

    features, outputs: of a row of the input and of the output. column: the output is (rows,) instead of (rows, 1).
    """

    layers: tuple[Layer, ...] = ()
    why_not: str = ""
    features: int = 0
    outputs: int = 0
    column: bool = False

    @property
    def width(self) -> int:
        """Of the widest layer with weights."""
        return max((max(layer.features, layer.out) for layer in self.layers if layer.weight), default=0)

    @property
    def drops(self) -> bool:
        return any(layer.kind == "dropout" for layer in self.layers)

    @property
    def norms_rows(self) -> bool:
        """Whether a batch of one row cannot be trained on."""
        return any(layer.kind == "batch_norm" for layer in self.layers)

    def __str__(self) -> str:
        if self.why_not:
            return f"not native: {self.why_not}"
        head = f"native: {self.features} features to {self.outputs} outputs in {len(self.layers)} layers"
        return "\n".join([head, *(f"{place:>4}  {layer}" for place, layer in enumerate(self.layers))])


def plan(model: nn.Module, shape: tuple[int, ...] | None = None) -> Plan:
    """Reads a module as the list of layers that the native engine runs; `why_not` is empty where it can.

    shape: of one row of the input; without it, what the first layer takes. The native engine reads `nn.Sequential`s,
    the models of losslab, and other modules whose forward torch.fx can trace, of these layers: Linear, ReLU, LeakyReLU,
    GELU, SiLU, Tanh, Sigmoid, Dropout, LayerNorm, BatchNorm1d, Embedding of columns, Flatten, Identity, sums and
    concatenations. Raises TypeError for what is no module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"plan: an nn.Module is wanted; got {type(model).__name__}")
    try:
        reader, output = read(model, shape)
    except UnreadableError as error:
        return Plan(why_not=str(error))
    features = reader.values.features
    return Plan(tuple(reader.layers), "", features[0] or 0, features[output] or 0, reader.column)
