"""How many members fit into memory at once."""

import torch
from torch import Tensor, nn

from losslab.data.memory import free_memory
from losslab.models.renew import drawing_from
from losslab.optim import get as update_rule
from losslab.train.member import Member

SHARE = 0.5  # of what is free: data, evaluation and other processes need the rest
NATIVE_COPIES = 2  # of the weights beside the state of their rule: themselves, and as they are laid out
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


def native_bytes_per_member(module: nn.Module, member: Member) -> int:
    """What one member needs where C++ makes its steps: activations and gradients are those of a thread, not its own."""
    weights = sum(p.numel() * p.element_size() for p in module.parameters())
    constants = sum(b.numel() * b.element_size() for b in module.buffers())
    state = update_rule(member.optimizer).start(torch.zeros(1, 1), **member.hyper, **member.options)
    copies = NATIVE_COPIES + len(state) + (member.training.ema > 0)
    return copies * weights + 2 * constants


def members_at_once(module: nn.Module, x: Tensor, native: Member | None = None) -> int:
    """How many members fit beside each other, at least one; where members like `native` are trained natively, of
    those."""
    each = bytes_per_member(module, x) if native is None else native_bytes_per_member(module, native)
    return max(int(SHARE * free_bytes(x.device)) // max(each, 1), 1)
