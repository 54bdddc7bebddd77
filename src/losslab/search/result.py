"""What a search found: the fields of `result.json`, which are attributes of `TuneResult` too."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["loss", "untuned", "baseline"]
VerdictKind = Literal["better", "equivalent", "undecided"]
VERSION = 1


@dataclass
class Row:
    """A line of the leaderboard. Numbers are in the metric's own unit; a `None` was not measured or does not exist."""

    loss: str
    role: Role = "loss"
    params: dict[str, Any] = field(default_factory=dict)  # in the target's own unit
    optimizer: dict[str, Any] = field(default_factory=dict)  # {"name": "adamw", "lr": ..., ...}
    validation: float | None = None
    test: float | None = None
    low: float | None = None  # 95 % interval of `test`
    high: float | None = None
    difference: float | None = None  # from the tuned default; its sign is the metric's (not turned)
    difference_low: float | None = None
    difference_high: float | None = None
    p_value: float | None = None  # after Holm
    secondary: dict[str, float | None] = field(default_factory=dict)  # metric name -> test value (None: n/a)
    worse: list[str] = field(default_factory=list)  # secondary metrics that got worse than the default's, in words
    threshold: float | list[float] | None = None  # fitted on validation (mean over retrainings)
    thresholds: dict[str, float | list[float]] = field(default_factory=dict)  # the same for each watched metric
    settings: dict[str, Any] = field(default_factory=dict)  # schedule, clip_norm, dropout, ...: searched or asked for
    runs: list[float] = field(default_factory=list)  # test metric of each retraining
    at_bound: list[str] = field(default_factory=list)  # searched parameters whose best value sits on a bound


@dataclass
class Trial:
    """One configuration of the search."""

    number: int
    loss: str
    params: dict[str, Any]
    optimizer: dict[str, Any]
    state: Literal["complete", "pruned", "failed"]
    curve: list[tuple[int, float]]  # (epoch, validation metric) at each rung
    value: float | None = None
    reason: str = ""
    settings: dict[str, Any] = field(default_factory=dict)  # as in `Row`


@dataclass
class TuneData:
    """Everything `result.json` holds. The documented part comes first; the rest feeds the report."""

    version: int = VERSION
    task: str = ""
    metric: str = ""
    higher_is_better: bool = True
    default: str = ""
    winner: str = ""
    verdict_kind: VerdictKind = "undecided"
    keep_default: bool = True
    verdict: str = ""
    detectable: float | None = None  # the smallest difference that this test part could have shown
    margin: float = 0.01
    table: list[Row] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # search, compare, total
    trials: list[Trial] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    data_checksum: str = ""

    data: str = ""  # "digits: 1,797 rows, 64 columns, 10 classes (174 to 183 rows each)"
    why_task: str = ""
    split: dict[str, Any] = field(default_factory=dict)  # {"train": 1078, "validation": 359, "test": 360, "how": "..."}
    model: str = ""  # "mlp 64-64-64-10"
    engine: str = ""  # "stacked (probe: 14x one after the other)"
    plan: str = ""
    rungs: list[int] = field(default_factory=list)
    epochs: int = 0
    points: bool = True  # differences are shown in points (hundredths)
    notes: list[str] = field(default_factory=list)
    holds_for: str = ""
    ledger: list[dict[str, Any]] = field(default_factory=list)  # earlier readings of this test part, and this one
    command: str = ""
    seed: int = 0
    # {"step": "untuned" | "tuned" | "threshold" | "loss", "value": x}
    waterfall: list[dict[str, Any]] = field(default_factory=list)
    # loss -> {"epoch": [...], "mean": [...], "low": [...], "high": [...]}: validation metric of the retrainings
    learning_curves: dict[str, dict[str, Any]] = field(default_factory=dict)
    # calibration and confusion, or residuals, winner beside default (see docs/result.md)
    winner_detail: dict[str, Any] = field(default_factory=dict)
    disagreements: list[dict[str, Any]] = field(default_factory=list)  # {"row": i, "target", "default", "winner"}
    status: Literal["finished", "interrupted"] = "finished"
    # metric name -> {"higher_is_better", "points", "summary"}: the one that decides first, then those watched
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    importance: dict[str, dict[str, float]] = field(default_factory=dict)  # loss -> parameter -> share of the variance
    budget: str = ""  # what a time budget became: "10m: 180 trials, decided from 12 steps of a probe"
    nested: dict[str, Any] | None = None  # {"splits": K, "rows": [{"loss", "difference", "low", "high", "p_value"}]}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "TuneData":
        known = dict(content)
        known["table"] = [Row(**row) for row in content["table"]]
        known["trials"] = [Trial(**trial) for trial in content["trials"]]
        return cls(**known)
