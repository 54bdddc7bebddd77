"""How often values are looked at, what has been warned of already, and whether torch's own policy holds."""

import sys
import warnings
from collections import Counter
from types import TracebackType
from typing import Literal, get_args

import torch
from torch import Tensor

Mode = Literal["always", "first", "off"]
FIRST_CALLS = 5  # batches of a loss in which smells (and, with "first", bad values) are looked for


class LossWarning(UserWarning):
    """Something that a loss was given looks like a mistake; the value is computed as asked."""


class EmptyLossWarning(LossWarning):
    """A mean had nothing to average: every element was ignored, masked or of weight zero."""


class _Policy:
    def __init__(self) -> None:
        self.mode: Mode = "always"
        self.as_torch = False
        self.calls: Counter[str] = Counter()
        self.warned: set[tuple[str, str]] = set()
        self.empties: Counter[str] = Counter()


_POLICY = _Policy()


class Checks:
    """What `checks` returns: as a context manager it gives the earlier mode back at its end."""

    def __init__(self, mode: Mode) -> None:
        self._before = _POLICY.mode
        _POLICY.mode = mode

    def __enter__(self) -> "Checks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _POLICY.mode = self._before


def checks(mode: Mode) -> Checks:
    """Sets when the losses look at values: label and probability ranges, rows that sum to one, smells.

    mode: "always" (the default) looks at every call, "first" at the first five calls of each loss, "off" never.
    On a GPU nothing waits for the device: what is wrong with a batch is raised by a later call of the same loss.
    Shapes, dtypes and parameters given as numbers are checked in every mode. Smells are looked for in the first five
    calls only. `checks("off")` holds from now on; `with checks("off"):` holds within the block.
    Raises ValueError for another mode.
    """
    if mode not in get_args(Mode):
        raise ValueError(f'checks: mode = {mode!r}; it must be "always", "first" or "off"')
    return Checks(mode)


class TorchCompatible:
    """What `torch_compatible` returns: as a context manager it gives the earlier state back at its end."""

    def __init__(self, on: bool) -> None:
        self._before = _POLICY.as_torch
        _POLICY.as_torch = on

    def __enter__(self) -> "TorchCompatible":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _POLICY.as_torch = self._before


def torch_compatible(on: bool = True) -> TorchCompatible:
    """Makes losses that torch has choose as torch does, where losslab would choose otherwise.

    The mean of nothing is NaN unless `empty` is given; half precisions are computed in float32 but returned in their
    own type; shapes are stretched where torch stretches them, with torch's warning; targets of torch's losses are not
    looked at beyond what torch looks at (labels, and the probabilities of `binary_cross_entropy`); nothing is said of
    inputs that look like a mistake. Labels and parameters out of range raise, as in torch, and torch's defects stay
    mended: docs/differences-from-torch.md lists both. Losses that torch has not keep their checks of values.
    `torch_compatible()` holds from now on; `with torch_compatible():` holds within the block; False ends it.
    Raises TypeError for anything but a bool.
    """
    if not isinstance(on, bool):
        raise TypeError(f"torch_compatible: on = {on!r}; it must be True or False")
    return TorchCompatible(on)


def compatible() -> bool:
    """Whether torch's policy holds."""
    return _POLICY.as_torch


def traced() -> bool:
    """Whether a torch.func transform or a compiler is at work: a tensor then has no value to look at."""
    if torch.compiler.is_compiling():
        return True
    return torch._C._functorch.peek_interpreter_stack() is not None


def off() -> bool:
    """Whether no values are looked at."""
    return _POLICY.mode == "off"


def waits(tensor: Tensor) -> bool:
    """Whether reading a number of this tensor would stop the program until its device has come so far."""
    return tensor.device.type != "cpu"


def looks(name: str, tensor: Tensor) -> tuple[bool, bool]:
    """Counts a call of the loss and says whether to look for bad values, and whether to look for smells.

    How is up to the device: `deferred` never waits for one.
    """
    if _POLICY.mode == "off" or traced() or tensor.device.type == "meta":
        return False, False
    _POLICY.calls[name] += 1
    early = _POLICY.calls[name] <= FIRST_CALLS
    return early or _POLICY.mode == "always", early and not _POLICY.as_torch


def empty_batches() -> dict[str, int]:
    """How many batches of each loss had nothing to average so far: all ignored, masked, of weight zero, or no rows.

    Only the first of them warns. On a GPU a batch is counted by a later call of the same loss, as nothing waits for the
    device; inside a compiled function or a torch.func transform none is.
    """
    return dict(_POLICY.empties)


def announce_empty(name: str, text: str) -> None:
    """Counts a batch in which nothing counts, and warns of the first."""
    _POLICY.empties[name] += 1
    warn_once(name, "empty", text, EmptyLossWarning)


def warn_once(name: str, topic: str, text: str, category: type[LossWarning] = LossWarning) -> None:
    """Warns the first time that this loss has something to say about this topic; a compiled loss says nothing."""
    if not torch.compiler.is_compiling() and (name, topic) not in _POLICY.warned:
        _POLICY.warned.add((name, topic))
        warnings.warn(f"{name}: {text}", category, stacklevel=depth_of_caller())


def depth_of_caller() -> int:
    """How far up the stack the code is that called the loss: the first frame that is neither ours nor torch's."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("losslab", "torch"):
        depth, frame = depth + 1, frame.f_back
    return depth


def forget() -> None:
    """Starts anew: calls are counted from zero and every warning may be given again."""
    _POLICY.calls.clear()
    _POLICY.warned.clear()
    _POLICY.empties.clear()
