"""Values on a device that one must not wait for: flags are set there, come over by themselves, and are read later.

Reading a number from a GPU stops the program until everything before it is done. So a batch on such a device is judged
on the device; its verdict, a few bytes, is copied in the background and read by a later call of the same loss.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from losslab.spec import policy
from losslab.spec.interval import REAL, UNIT, Interval
from losslab.spec.layout import Operand
from losslab.spec.record import LossRecord
from losslab.spec.smells import smells as smells_of

Sizes = Mapping[str, tuple[int, ...]]
EMPTY = "empty"  # the topic of a batch in which nothing counts
HELD = 16  # batches whose verdicts may be under way at once


@dataclass(frozen=True)
class Suspicion:
    """Something about a batch that may be wrong: `seen` has no dimension and stays on the batch's device.

    `text` says it in words; it keeps single numbers of the batch alive, never the batch.
    """

    seen: Tensor
    text: Callable[[], str]
    topic: str = ""  # of a smell, which is warned of; "" for what is refused


@dataclass(frozen=True)
class Verdict:
    flags: Tensor  # where the program can read it
    arrived: Any  # an event of the device, or None where nothing is under way
    suspicions: tuple[Suspicion, ...]


_UNDER_WAY: dict[str, deque[Verdict]] = {}


def note(name: str, suspicions: list[Suspicion]) -> None:
    """Sends the verdict on a batch on its way, without waiting; raises what has arrived about earlier ones."""
    if not capturing():
        read(name)
        send(name, suspicions)


def capturing() -> bool:
    """Whether a graph of the device is being recorded: what it replays later, nobody reads."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()


def send(name: str, suspicions: list[Suspicion]) -> None:
    """Sends the verdict on a batch on its way."""
    if not suspicions or capturing():
        return
    flags = torch.stack([one.seen for one in suspicions])
    arrived = None
    if flags.is_cuda:
        host = torch.empty(flags.shape, dtype=flags.dtype, pin_memory=True)
        host.copy_(flags, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()
        flags = host
    _UNDER_WAY.setdefault(name, deque(maxlen=HELD)).append(Verdict(flags, arrived, tuple(suspicions)))


def read(name: str) -> None:
    """Raises ValueError for the first batch that was wrong, and warns of smells, among verdicts that have arrived."""
    queue = _UNDER_WAY.get(name, ())
    while queue and (queue[0].arrived is None or queue[0].arrived.query()):
        verdict = queue.popleft()
        for one, seen in zip(verdict.suspicions, verdict.flags.tolist(), strict=True):
            if seen and one.topic == EMPTY:
                policy.announce_empty(name, one.text())
            elif seen and one.topic:
                policy.warn_once(name, one.topic, one.text())
            elif seen:
                forget(name)
                later = "This was an earlier batch: values on this device are read without waiting for it. "
                raise ValueError(f"{name}: {one.text()}. {later}On the CPU the same call says where")


def forget(name: str | None = None) -> None:
    """Drops the verdicts that are under way, of one loss or of all."""
    if name is None:
        _UNDER_WAY.clear()
    else:
        _UNDER_WAY.pop(name, None)


def judged(
    record: LossRecord, input: Tensor, target: Tensor, soft: bool, domain: Interval, most: float, *, values: bool,
    smells: bool,
) -> Tensor:  # fmt: skip
    """Notes what is wrong with a batch of a loss of two tensors, classes last; returns the target to go on with.

    A label out of range would stop the device for good. Such a batch is refused later; until then its labels are moved
    to the nearest class.
    """
    if input.numel() == 0 or target.numel() == 0 or input.is_complex():
        return target
    found = _of_target(record, input, target.detach(), soft, most) if values else []
    if values and (domain == UNIT or record.input_domain_of is not None or record.torch_name is None):
        found += outside("input", input, domain)
    if smells:
        found += [Suspicion(seen, text, topic) for topic, seen, text in smells_of(record, input, where=False)]
        if record.target == "sign" and record.torch_name is not None:
            found.append(signs("target", target, "sign"))
    note(record.name, found)
    return target.clamp(0, input.shape[-1] - 1) if values and record.kind == "rowwise" and not soft else target


def judged_all(
    record: LossRecord, operands: Mapping[str, Operand], tensors: dict[str, Tensor], sizes: Sizes
) -> dict[str, Tensor]:
    """Notes what is wrong with a batch of a loss of several tensors; returns what to go on with."""
    note(record.name, of_operands(record, operands, {key: one.detach() for key, one in tensors.items()}, sizes))
    classes = {key: max(sizes[one.of][0] - 1, 0) for key, one in operands.items() if one.holds == "class"}
    return {key: tensor.clamp(0, classes[key]) if key in classes else tensor for key, tensor in tensors.items()}


def of_operands(
    record: LossRecord, operands: Mapping[str, Operand], tensors: Mapping[str, Tensor], sizes: Sizes
) -> list[Suspicion]:
    """What to look for in a batch of a loss of several tensors."""
    found: list[Suspicion] = []
    for key, one in operands.items():
        tensor = tensors[key]
        if tensor.numel() == 0:
            continue
        if one.holds == "class":
            found += labels(tensor, sizes[one.of][0], key)
        elif one.holds == "sign":
            found.append(signs(key, tensor, "sign" if record.torch_name is not None else ""))
        elif one.holds == "flag":
            found.append(flags(key, tensor))
        elif one.holds == "box":
            bad = (tensor[..., 2:] < tensor[..., :2]).any()
            found.append(Suspicion(bad, lambda key=key: f"{key} must hold corners with x1 <= x2 and y1 <= y2"))  # type: ignore[misc]
        else:
            found += outside(key, tensor, UNIT if one.holds in ("probability", "distribution") else one.domain)
    return found


def _of_target(record: LossRecord, input: Tensor, target: Tensor, soft: bool, most: float) -> list[Suspicion]:
    if record.kind == "rowwise" and not soft:
        return labels(target, input.shape[-1], "labels")
    if record.kind == "rowwise":
        low, off = target.min(), (target.sum(-1) - 1).abs().max()
        return [
            Suspicion(~(low >= 0), lambda: f"target holds probabilities, but its smallest value is {low.item():g}"),
            Suspicion(~(off <= most), lambda: f"target rows must sum to one; one is off by {off.item():.6g}"),
        ]
    if record.target == "sign":
        return [] if record.torch_name is not None else [signs("target", target)]
    return outside("target", target, UNIT if record.target == "probability" else record.target_domain)


def labels(target: Tensor, classes: int, what: str) -> list[Suspicion]:
    low, high = target.aminmax()
    text = "{} run from {} to {}, but input has {} classes, so they run from 0 to {}"
    words = lambda: text.format(what, int(low), int(high), classes, classes - 1)  # noqa: E731
    return [Suspicion((low < 0) | (high >= classes), words)]


def signs(what: str, target: Tensor, topic: str = "") -> Suspicion:
    return Suspicion((target.abs() != 1).any(), lambda: f"{what} must hold -1 and +1, and holds something else", topic)


def flags(what: str, target: Tensor) -> Suspicion:
    return Suspicion(
        ((target != 0) & (target != 1)).any(), lambda: f"{what} must hold 0 and 1, and holds something else"
    )


def outside(what: str, value: Tensor, domain: Interval) -> list[Suspicion]:
    """Values that an interval does not hold."""
    if domain == REAL:
        return []
    low, high = value.aminmax()
    above = low > domain.low if domain.open_low else low >= domain.low
    below = high < domain.high if domain.open_high else high <= domain.high
    return [
        Suspicion(
            ~(above & below),
            lambda: f"{what} must lie in {domain}, found values from {low.item():g} to {high.item():g}",
        )
    ]
