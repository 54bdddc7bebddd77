"""How many members fit into memory at once."""

import torch
from torch import Tensor, nn

from losslab.data.memory import free_memory
from losslab.models.renew import drawing_from

SHARE = 0.5  # of what is free: data, evaluation and other processes need the rest
COPIES = 10  # of the weights: themselves, gradient, two moments, and the temporaries of an update


def free_bytes(device: torch.device) -> int:
    """Memory that is free on the device now, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory()


def bytes_per_member(module: nn.Module, x: Tensor) -> int:
    """What one member needs for a training step on x (B, ...): weights with state, and what autograd keeps."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with drawing_from(0), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = module(x)
    weights = sum(p.numel() * p.element_size() for p in module.parameters())
    activations = sum(kept.values()) + output.numel() * output.element_size()
    return COPIES * weights + 2 * activations


def members_at_once(module: nn.Module, x: Tensor) -> int:
    """How many members fit beside each other, at least one."""
    return max(int(SHARE * free_bytes(x.device)) // max(bytes_per_member(module, x), 1), 1)
