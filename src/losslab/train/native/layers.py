"""What a network is to the native engine: a list of layers, each of which makes a value from one or two others."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Layer:
    """One layer. Value 0 is the input, and that of the layer at place i is i + 1.

    kind: of losslab.kernels.plan.KINDS. weight, bias: names of parameters. constants: names of running mean and
    variance. number, second: the numbers a and b of struct losslab_layer, that is slope, p or eps, and momentum. extra:
    which dropout, or how many levels.
    """

    kind: str
    source: int
    features: int  # of its source
    out: int
    other: int = -1
    weight: str = ""
    bias: str = ""
    constants: tuple[str, ...] = ()
    counter: str = ""  # the buffer in which a batch norm counts its batches
    extra: int = 0
    number: float = 0.0
    second: float = 0.0
    columns: tuple[int, ...] = ()

    def __str__(self) -> str:
        """linear 64 to 10"""
        numbers = {"leaky_relu": f" {self.number:g}", "dropout": f" {self.number:g}"}.get(self.kind, "")
        if self.kind == "gelu" and self.number:
            numbers = " (tanh)"
        if self.kind == "embedding":
            return f"embedding of {self.extra} levels in {self.out}"
        shape = f" {self.features} to {self.out}" if self.features != self.out else f" {self.out}"
        return f"{self.kind.replace('_', ' ')}{numbers}{shape}"


class UnreadableError(ValueError):
    """Why a module is no such list, in words that follow "it is not native: "."""


@dataclass
class Values:
    """The values so far: how many features each has (None: not known yet), and whether it is (rows, features)."""

    features: list[int | None]
    flat: list[bool]
    now: dict[int, int] = field(default_factory=dict)  # what stands where a layer has written over its source

    def latest(self, value: int) -> int:
        while value in self.now:
            value = self.now[value]
        return value
