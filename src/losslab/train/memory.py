"""How many members fit into memory at once."""

import os

import torch
from torch import Tensor, nn

from losslab.models.renew import drawing_from

SHARE = 0.5  # of what is free: data, evaluation and other processes need the rest
COPIES = 10  # of the weights: themselves, gradient, two moments, and the temporaries of an update


def free_bytes(device: torch.device) -> int:
    """Memory that is free on the device now, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo") as lines:
            found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
        limits = [int(text) for text in _cgroup_limits() if text.isdigit()]
        return min([*found, *limits])
    except (OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _cgroup_limits() -> list[str]:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if os.path.exists(path):
            with open(path) as file:
                return [file.read().strip()]
    return []


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
