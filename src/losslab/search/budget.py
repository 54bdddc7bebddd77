"""A time budget: how long a study may take, and what number of trials that is."""

import re

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")


def is_duration(text: str) -> bool:
    """Whether a text is a duration, as 90s, 10m, 1.5h or 1h30m."""
    return re.fullmatch(rf"(?:{DURATION.pattern}\s*)+", text.strip()) is not None


def seconds_of(budget: str | float) -> float:
    """A duration in seconds, from "90s", "10m", "1h30m" or a number of seconds. Raises ValueError for anything else."""
    if isinstance(budget, str):
        if not is_duration(budget):
            raise ValueError(f"budget {budget!r} is no duration; one such as 90s, 10m or 1h30m is wanted")
        seconds = sum(float(number) * UNITS[unit] for number, unit in DURATION.findall(budget))
    else:
        seconds = float(budget)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"budget {budget!r}: more than 0 seconds are needed")
    return seconds
