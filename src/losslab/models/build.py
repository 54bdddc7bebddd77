"""Whatever a person calls a model, as a factory of modules: one per seed and number of outputs."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from losslab.models.architecture import check_architecture, check_takes
from losslab.models.call import Size, call
from losslab.models.find import find
from losslab.models.named import NAMES, TAKES, Named, named
from losslab.models.renew import check_renewable, drawing_from, renewed


@dataclass(frozen=True)
class Factory:
    """Makes the model. `name` is for people; `out_features` is the number of outputs where only one is possible.

    `takes` are those of width, depth and dropout that `make` can be given.
    """

    name: str
    maker: Callable[..., nn.Module]  # number of outputs and what it takes -> module, drawing from torch's generator
    wanted: int  # the outputs that the target asks for
    out_features: int | None = None
    pretrained: bool = False
    takes: tuple[str, ...] = ()

    def make(self, seed: int, out_features: int | None = None, **architecture: Any) -> nn.Module:
        """A new module; the same seed and arguments give the same weights. The global random state is untouched."""
        self.check(architecture)
        size = self.out_features or self.wanted if out_features is None else out_features
        if self.out_features is not None and size != self.out_features:
            raise ValueError(
                f"model {self.name} has {self.out_features} outputs and cannot have {size}: pass a factory that takes "
                "out_features"
            )
        with drawing_from(seed):
            return self.maker(size, **architecture)

    def check(self, architecture: Mapping[str, Any]) -> None:
        """Raises ValueError for a width, depth or dropout that cannot be, or that the model does not take."""
        if not architecture:
            return
        hint = "" if isinstance(self.maker, Named) else "; give the factory an argument of that name, with a default"
        check_takes(self.name, self.takes, architecture, hint)
        check_architecture(architecture)

    def check_all(self, choices: Mapping[str, Sequence[Any]]) -> None:
        """As `check`, for every value of some choices."""
        for name, values in choices.items():
            for value in values:
                self.check({name: value})

    def named(self, architecture: Mapping[str, Any]) -> str:
        """The name, with the width, depth and dropout that were asked for."""
        if isinstance(self.maker, Named):
            return self.maker.name(self.wanted, **architecture)
        return ", ".join([self.name, *(f"{name} {value:g}" for name, value in architecture.items())])


def build(
    model: Any,
    in_features: Size,
    out_features: int,
    *,
    pretrained: bool = False,
    levels: Mapping[int, int] | None = None,
) -> Factory:
    """A factory from a name, an nn.Module, a callable, or the address of one.

    Names: "linear", "mlp" (two hidden layers of 64), "mlp:128,128", "resmlp" (64 wide, two residual blocks),
    "resmlp:128,3"; they embed the columns of codes that `levels` names ({column: number of levels}). An nn.Module is a
    template: copied, its weights drawn anew for each seed, or kept with `pretrained=True`. A callable is called with
    what its signature takes: `in_features` and `out_features` (or `num_classes`) by name; else two arguments without a
    default are (in_features, out_features), one is out_features, and none is called as it is; `width`, `depth` and
    `dropout` with a default can be asked for in `make`. Addresses: "file.py:factory", "package.module:factory".
    `in_features` is a number of columns, or the shape of one row.
    Raises ValueError for a model that cannot be found, made, drawn anew, or run on rows of that shape.
    """
    if isinstance(in_features, tuple) and len(in_features) == 1:
        in_features = in_features[0]
    if isinstance(model, str):
        name, colon, attribute = model.rpartition(":")
        if colon and name not in NAMES and attribute.isidentifier():
            return _from_object(find(model), model, in_features, out_features, pretrained)
        network = named(model, in_features, levels)
        return Factory(network.name(out_features), network, out_features, takes=TAKES[network.kind])
    return _from_object(model, "", in_features, out_features, pretrained)


def _from_object(model: Any, label: str, in_features: Size, out_features: int, pretrained: bool) -> Factory:
    if isinstance(model, nn.Module):
        name = _name(label or type(model).__name__, model)
        if pretrained:
            maker: Callable[[int], nn.Module] = partial(_copy, model)
        else:
            check_renewable(model)
            maker = partial(_renew, model)
        return Factory(name, maker, out_features, _outputs(model, name, in_features), pretrained)
    if not callable(model):
        raise ValueError(f"model is of type {type(model).__name__}; a name, an nn.Module or a factory is wanted")
    label = label or getattr(model, "__name__", type(model).__name__)
    made = call(model, label, in_features)
    with drawing_from(0):
        first, second = made(out_features), made(out_features)
    if first is second or not {id(p) for p in first.parameters()}.isdisjoint(id(p) for p in second.parameters()):
        raise ValueError(f"model factory {label} gave the same parameters twice: build a new module in each call")
    name = _name(label, first)
    found = _outputs(first, name, in_features)
    if made.adapts and found != out_features:
        raise ValueError(f"model factory {label} was asked for {out_features} outputs; its model has {found}")
    return Factory(name, made, out_features, None if made.adapts else found, pretrained, made.takes)


def _renew(template: nn.Module, out_features: int) -> nn.Module:
    return renewed(template)


def _copy(template: nn.Module, out_features: int) -> nn.Module:
    return deepcopy(template)


def _name(label: str, module: nn.Module) -> str:
    return f"{label}, {sum(parameter.numel() for parameter in module.parameters()):,} parameters"


def _outputs(module: nn.Module, name: str, in_features: Size) -> int:
    """The number of outputs for each row, found by a run on two rows."""
    shape = (in_features,) if isinstance(in_features, int) else in_features
    probe = deepcopy(module).eval()
    parameter = next(probe.parameters(), torch.empty(0))
    rows = torch.zeros(2, *shape, dtype=parameter.dtype, device=parameter.device)
    try:
        with drawing_from(0), torch.no_grad():
            output = probe(rows)
    except Exception as error:
        raise ValueError(
            f"the model {name} raised {type(error).__name__} on a batch of shape {tuple(rows.shape)}: {error}"
        ) from error
    if not isinstance(output, torch.Tensor):
        raise ValueError(
            f"the model {name} gives a {type(output).__name__}; a tensor of shape (rows, outputs) is wanted"
        )
    if output.shape[:1] != (2,) or output.ndim > 2:
        raise ValueError(
            f"the model {name} gives shape {tuple(output.shape)} for a batch of shape {tuple(rows.shape)}; "
            "(rows,) or (rows, outputs) is wanted"
        )
    return output.shape[1] if output.ndim == 2 else 1
