"""The tensors of a loss that takes more than input and target: their dimensions by name, and what each holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from losslab.spec.interval import REAL, Interval

Holds = Literal[
    "real", "probability", "distribution", "sign", "flag", "box", "class", "class list", "class or distribution",
    "grade", "label", "length",
]  # fmt: skip
INTEGERS = ("class", "class list", "grade", "label", "length")  # any integer type is accepted; the rule sees int64
WORDS: dict[Holds, str] = {
    "real": "numbers",
    "probability": "numbers from 0 to 1",
    "distribution": "probabilities that sum to one over {of}",
    "sign": "-1 or +1",
    "flag": "0 or 1 (or bool)",
    "box": "corners x1, y1, x2, y2 with x1 <= x2 and y1 <= y2",
    "class": "class indices (integers) from 0 to {of} - 1",
    "class list": "in each row class indices (integers) from 0 to {of} - 1, then -1 to its end",
    "class or distribution": "class indices (integers) from 0 to {of} - 1, or probabilities with a dimension {of}",
    "grade": "class indices (integers) from 0 to {of}, one more than there are thresholds",
    "label": "integers; equal ones belong together",
    "length": "how many entries of each row count (integers; also as a list or tuple)",
}
FILLED = ("C", "D", "E", "K")  # dimensions of a row: classes, and entries of embeddings
SIZES = {"C": "num_classes", "D": "in_features", "K": "num_centers"}  # what a module's constructor calls them


@dataclass(frozen=True)
class Operand:
    """A tensor that a loss takes.

    dims: one name for each dimension ("N D"); equal names mean equal sizes, a number is a size, and `*` stands for any
        number of dimensions, the same in every operand.
    predicted: it comes out of a model, so it must be floating point, and gradients with respect to it are tested.
    of: the dimension over which a distribution sums to one, or whose size bounds class indices.
    per_batch: a keyword operand that a module takes in its call, not in its constructor.
    """

    dims: str
    holds: Holds = "real"
    domain: Interval = REAL
    of: str = "C"
    predicted: bool = False
    per_batch: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.dims.split())

    @property
    def words(self) -> str:
        held = WORDS[self.holds].format(of=self.of)
        return held if self.domain == REAL else f"{held} in {self.domain}"


@dataclass(frozen=True)
class Layout:
    """The operands of a loss of kind "set", in the order and by the names of the rule's arguments.

    Operands that the rule takes by position come first in a call; one with the default None may be left out.
    Keyword-only arguments of the rule that are tensors of the data (class weights, counts) are operands too.

    unreduced: dimensions of what the rule returns, `""` for one number for the whole batch.
    mask: dimensions of `mask`; None where leaving elements out has no meaning. A rule with an argument `mask` is given
        it (bool or None) and must not let what it leaves out take part; else left-out elements are only zeroed.
    coupled: elements of the unreduced loss see each other's operands, so that a batch is more than its parts.
    owned: operands that the module creates as its own parameters, with the function that fills each at the start.
    prepare: spells what else torch accepts in the declared dimensions: operands in, operands out, before any check.
    outer: the shape of the unreduced loss as the caller has it, from the operands, where `prepare` changes it.
    fewer: the rule may leave out some of the last of `unreduced` (a distance that the caller brings).
    per: by how much each value is divided before `reduction="mean"`, from the operands (CTC: target lengths).
    ends: what a model ends with before an operand, where torch's gradient is right only behind it.
    draw: a legal batch for the tests, from a generator and a size for each dimension, where contents alone give none.
    """

    operands: Mapping[str, Operand]
    unreduced: str
    mask: str | None = ""
    coupled: bool = False
    owned: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    prepare: Callable[..., dict[str, Any]] | None = None
    outer: Callable[..., tuple[int, ...]] | None = None
    fewer: bool = False
    per: Callable[..., Any] | None = None
    ends: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    draw: Callable[..., dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        if self.mask == "":
            object.__setattr__(self, "mask", self.unreduced or None)

    @property
    def class_dims(self) -> bool:
        """Whether a call may say where the classes are: they stand before further dimensions."""
        return any("C" in one.names and one.names[-1] == "*" for one in self.operands.values())

    def sizes(self) -> tuple[str, ...]:
        """The constructor's arguments of a module that owns operands: names of their sizes, in order of appearance."""
        order = [dim for one in self.operands.values() for dim in one.names if dim in SIZES]
        wanted = {dim for name in self.owned for dim in self.operands[name].names}
        return tuple(SIZES[dim] for dim in dict.fromkeys(order) if dim in wanted)


def bind_dims(name: str, operands: Mapping[str, Operand], tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The size behind each name of a dimension; raises ValueError, naming both tensors, where two disagree."""
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for key, tensor in tensors.items():
        names, size = operands[key].names, tuple(tensor.shape)
        fixed = len(names) - ("*" in names)
        if len(size) < fixed or ("*" not in names and len(size) != fixed):
            text = f"{name}: {key} has shape {size}; it must have the dimensions {spelled(names)}"
            single = [at for at in reversed(range(len(size))) if size[at] == 1 and len(size) == len(names) + 1]
            raise ValueError(f"{text}. Use {key}.squeeze({single[0]})" if single else text)
        for dim, part in zip(names, _parts(names, size), strict=True):
            if dim.isdigit():
                if part != (int(dim),):
                    turned = _turned(operands, {key: tensor}, (key,))
                    turned = turned and f". {turned}"
                    raise ValueError(
                        f"{name}: {key} has shape {size}; its dimension of size {dim} has size {part[0]}{turned}"
                    )
                continue
            known, where = found.setdefault(dim, (part, key))
            if known != part:
                raise ValueError(_disagreement(name, operands, tensors, key, where, dim))
    for dim, (part, key) in found.items():
        if dim in FILLED and part == (0,):
            size, dims = tuple(tensors[key].shape), spelled(operands[key].names)
            text = f"{name}: {key} has shape {size}: its dimension {dim} of {dims}"
            raise ValueError(f"{text} has no entries. A batch may be empty, a row may not")
    return {dim: size for dim, (size, _) in found.items()}


def _parts(names: tuple[str, ...], size: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The sizes of a tensor, one tuple for each name."""
    if "*" not in names:
        return [(one,) for one in size]
    at = names.index("*")
    free = len(size) - (len(names) - 1)
    return [*((s,) for s in size[:at]), size[at : at + free], *((s,) for s in size[at + free :])]


def _disagreement(
    name: str, operands: Mapping[str, Operand], tensors: Mapping[str, Any], key: str, where: str, dim: str
) -> str:
    one, other = tuple(tensors[where].shape), tuple(tensors[key].shape)
    text = f"{name}: {where} has shape {one} and {key} {other}; "
    dims = {k: spelled(operands[k].names) for k in (where, key)}
    same = dims[where] == dims[key]
    text += (
        "they must be the same"
        if same
        else f"they must be {dims[where]} and {dims[key]}, with the same {'...' if dim == '*' else dim}"
    )
    for longer, shorter, a, b in ((one, other, where, key), (other, one, key, where)):
        if len(longer) == len(shorter) + 1:
            for at in reversed(range(len(longer))):
                if longer[at] == 1 and longer[:at] + longer[at + 1 :] == shorter:
                    return f"{text}. Use {a}.squeeze({at})" + (f" or {b}.unsqueeze({at})" if same else "")
    return f"{text}. {_turned(operands, tensors, (key, where)) or 'No tensor is stretched to another shape'}"


def _turned(operands: Mapping[str, Operand], tensors: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """Which tensor fits with its first two dimensions swapped, or without one of size 1."""
    sizes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    for key in keys:
        own = sizes[key]
        edits = [(f"squeeze({at})", own[:at] + own[at + 1 :]) for at in range(len(own)) if own[at] == 1]
        edits += [("transpose(0, 1)", (own[1], own[0], *own[2:]))] if len(own) > 1 else []
        for edit, size in edits:
            if _agree(operands, {**sizes, key: size}):
                return f"Use {key}.{edit}"
    return ""


def _agree(operands: Mapping[str, Operand], sizes: Mapping[str, tuple[int, ...]]) -> bool:
    found: dict[str, tuple[int, ...]] = {}
    for key, size in sizes.items():
        names = operands[key].names
        fixed = len(names) - ("*" in names)
        if len(size) < fixed or ("*" not in names and len(size) != fixed):
            return False
        for dim, part in zip(names, _parts(names, size), strict=True):
            if found.setdefault(dim, (int(dim),) if dim.isdigit() else part) != part:
                return False
    return True


def spelled(names: tuple[str, ...]) -> str:
    """("N", "D") -> (N, D), with three dots for `*`."""
    inside = ", ".join("..." if one == "*" else one for one in names)
    return f"({inside},)" if len(names) == 1 and names[0] != "*" else f"({inside})"


def shape_of(dims: str, sizes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that names of dimensions have, with known sizes."""
    return tuple(size for dim in dims.split() for size in ((int(dim),) if dim.isdigit() else sizes[dim]))


def aligned(tensor: Any, dims: str, to: tuple[str, ...], sizes: Mapping[str, tuple[int, ...]]) -> Any:
    """A tensor of the dimensions `dims` viewed so that it broadcasts over one of the dimensions `to`."""
    has = dims.split()
    view = [size for dim in to for size in (sizes[dim] if dim in has else (1,) * _width(dim, sizes))]
    return tensor.reshape(view)


def _width(dim: str, sizes: Mapping[str, tuple[int, ...]]) -> int:
    return 1 if dim.isdigit() else len(sizes[dim])
