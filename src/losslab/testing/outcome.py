"""What `check` gives back: which checks a loss passed, and which were not made, and why."""

from collections.abc import Iterable, Mapping

from losslab.spec.record import LossRecord

WHY: Mapping[str, str] = {
    "cases": "no case was worked by hand: gradients are right for the formula, right or wrong, that the rule computes",
    "learnable parameters": "no parameter is searched",
    "kinks": "no kinks are declared",
    "vmap over parameters": "it has no parameters",
    "pickle": "it is not found under its name in losslab.nn",
    "class counts": "it takes no counts of classes",
    "torch": "no loss of torch is named that it should equal",
    "masks": "leaving elements out has no meaning for it",
    "accumulation": "its rows see each other",
    "separate samples": "its rows see each other, or it takes any number of dimensions",
    "class_dim": "its classes have one place",
    "module": "its module has layers of its own",
}
NEVER = "Never checked: other devices than the CPU, and the source beyond the cases worked by hand."


class Checked(list[str]):
    """The names of the checks that were passed, in order; `left_out` has the others, each with the reason."""

    def __init__(self, record: LossRecord, passed: Iterable[str], every: Iterable[str]) -> None:
        super().__init__(passed)
        self.name = record.name
        self.left_out = {name: why(record, name) for name in every if name not in self}

    def __str__(self) -> str:
        lines = [f"{self.name} passes {len(self)} checks: {', '.join(self)}"]
        lines += ["Not checked:"] * bool(self.left_out)
        lines += [f"  {name}: {reason}" for name, reason in self.left_out.items()]
        return "\n".join([*lines, NEVER])


def why(record: LossRecord, name: str) -> str:
    """Why a check was not made."""
    lacks = {str(what): reason for what, reason in record.lacks.items()}
    if name in lacks:
        return lacks[name]
    if name in ("gradients", "learnable parameters") and "finite differences" in lacks:
        return lacks["finite differences"]
    return WHY.get(name, "nothing is said of it" if name.startswith("facts: ") else "it does not apply")
