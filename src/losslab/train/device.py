"""Where training runs."""

import torch


def check_device(device: str) -> None:
    """Raises ValueError for a device that torch does not know or that is not there."""
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError):
        raise ValueError(f"no device {device!r}; cpu or cuda is wanted") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r}: torch sees no CUDA GPU here; use cpu")
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"device {device!r} is not supported; use cpu or cuda")
