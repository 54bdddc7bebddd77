"""Plain dense networks of K members, layer by layer: batched products without the detours of vmap."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from losslab.train.native.layers import UnreadableError
from losslab.train.native.read import check

ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid)


class Dense:
    """The forward pass of a `Sequential` of linear layers and activations, each named as its parameters are."""

    def __init__(self, layers: list[tuple[str, nn.Module]]) -> None:
        self.layers = layers

    @classmethod
    def of(cls, module: nn.Module, names: list[str]) -> "Dense | None":
        """None for any other module, or where not all of its parameters are among those named, which are trained."""
        try:
            check(module)  # hooks, shared and frozen parameters
        except UnreadableError:
            return None
        layers = flat_layers(module) if type(module) is nn.Sequential else None
        if not layers:
            return None
        found = [f"{name}.{own}" for name, layer in layers for own, _ in layer.named_parameters()]
        return cls(layers) if found == names else None

    def takes(self, x: Tensor) -> bool:
        """Whether it computes what the module does for such inputs."""
        return x.dim() == 3 and not torch.is_autocast_enabled(x.device.type)

    def __call__(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Outputs (K, B, C) for inputs (K, B, F) and weights (K, out, in), biases (K, out) by name.

        Values lie as (K, features, B), so that the gradients of weights come out as the weights lie.
        """
        x = x.transpose(1, 2)
        for name, layer in self.layers:
            if not isinstance(layer, nn.Linear):
                x = layer(x)
            elif layer.bias is None:
                x = torch.bmm(parameters[f"{name}.weight"], x)
            else:
                x = torch.baddbmm(parameters[f"{name}.bias"].unsqueeze(-1), parameters[f"{name}.weight"], x)
        return x.transpose(1, 2)


def flat_layers(module: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module]] | None:
    """The layers of (nested) Sequentials in order, with their names; None where something else is among them."""
    found: list[tuple[str, nn.Module]] = []
    for name, layer in module._modules.items():
        if type(layer) is nn.Sequential:
            inner = flat_layers(layer, f"{prefix}{name}.")
            if inner is None:
                return None
            found += inner
        elif layer is None or type(layer) not in (nn.Linear, *ELEMENTWISE) or getattr(layer, "inplace", False):
            return None
        else:
            found.append((prefix + name, layer))
    return found
