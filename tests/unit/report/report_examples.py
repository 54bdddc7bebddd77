"""Results that no run gave, with everything a report can show: made once, small, the same every time."""

import math

from losslab.search.result import Row, Trial, TuneData

ADAMW = {"name": "adamw", "lr": 0.003, "weight_decay": 0.01}


def digits(**changes) -> TuneData:
    """Classification: five losses, untuned, gradient boosting, majority. Undecided."""
    rows = [
        Row("focal_loss", params={"gamma": 0.7}, optimizer=ADAMW, validation=0.9862, test=0.9752, low=0.957, high=0.988,
            difference=0.0011, difference_low=-0.012, difference_high=0.0142, p_value=1.0,
            secondary={"log_loss": 0.101, "ece": 0.0412}, worse=["calibration (ECE .041 against .018)"],
            runs=[0.97, 0.98], at_bound=["gamma"]),
        Row("cross_entropy", params={"label_smoothing": 0.04}, optimizer=ADAMW, validation=0.984, test=0.9741,
            low=0.955, high=0.987, secondary={"log_loss": 0.098, "ece": 0.018}, runs=[0.972, 0.976]),
        Row("poly1_cross_entropy", params={"epsilon": 1.2}, optimizer=ADAMW, validation=0.985, test=0.9763, low=0.958,
            high=0.989, difference=0.0022, difference_low=-0.0114, difference_high=0.0153, p_value=0.9996,
            secondary={"log_loss": 0.095, "ece": 0.019}, runs=[0.975, 0.977]),
        Row("generalized_cross_entropy", params={"q": 0.1512}, optimizer=ADAMW, validation=0.983, test=0.972,
            difference=-0.0021, difference_low=-0.016, difference_high=0.012, p_value=0.412,
            secondary={"log_loss": 0.13, "ece": 0.03}, runs=[0.971, 0.973]),
        Row("multi_margin_loss", params={"margin": 1.3, "p": 1}, optimizer={"name": "sgd", "lr": 0.1, "momentum": 0.9},
            validation=0.979, test=0.965, difference=-0.0091, difference_low=-0.025, difference_high=-0.0004,
            p_value=0.0004, secondary={"log_loss": None, "ece": None}, worse=["macro_f1 (.961 against .973)"]),
        Row("cross_entropy", role="untuned", optimizer={"name": "adamw", "lr": 0.001}, test=0.969, difference=-0.005,
            difference_low=-0.017, difference_high=0.007),
        Row("not a network: gradient boosting", role="baseline", test=0.962, difference=-0.012, difference_low=-0.029,
            difference_high=0.005),
        Row("majority class", role="baseline", test=0.103),
    ]  # fmt: skip
    data = TuneData(
        task="multiclass",
        metric="accuracy",
        default="cross_entropy",
        winner="poly1_cross_entropy",
        verdict="Keep cross_entropy. Undecided: no loss is shown to be better. "
        "360 test rows can show gains of about 1.4 points or more.",
        detectable=0.0138,
        margin=0.01,
        table=rows,
        seconds={"search": 2.4, "compare": 2.0, "total": 5.1},
        trials=_trials(
            {"cross_entropy": ("label_smoothing", 0.0, 0.2), "focal_loss": ("gamma", 0.5, 5.0),
             "poly1_cross_entropy": ("epsilon", -1.0, 5.0), "generalized_cross_entropy": ("q", 0.01, 1.0)},
            rungs=[2, 6, 20], base=0.8, gain=0.185,
        ),
        versions={"losslab": "0.1.0", "torch": "2.13.0", "python": "3.11.9"},
        data_checksum="sha256:9f2c1b",
        data="digits: 1,797 rows, 64 columns, 10 classes (174 to 183 rows each)",
        why_task="from an integer target",
        split={"train": 1078, "validation": 359, "test": 360, "how": "stratified, seed 0"},
        model="mlp 64-64-64-10",
        engine="stacked (probe: 14x one after the other)",
        plan="255 trials = 5 losses x 51, then 6 finalists x 20 retrainings",
        rungs=[2, 6, 20],
        epochs=20,
        holds_for="this model, 20 epochs, data like these",
        ledger=[{"when": "2026-03-01 10:00", "study": "digits-1", "purpose": "tune"}],
        command="losslab tune digits",
        waterfall=[
            {"step": "untuned", "value": 0.969}, {"step": "tuned", "value": 0.9741},
            {"step": "threshold", "value": 0.9735}, {"step": "loss", "value": 0.9763},
        ],
        learning_curves={
            name: _curve(0.86 + 0.01 * i, 0.975 + 0.002 * i)
            for i, name in enumerate(["cross_entropy", "poly1_cross_entropy", "focal_loss", "multi_margin_loss"])
        },
        winner_detail={
            "calibration": {
                "default": {"confidence": [0.35, 0.62, 0.85, 0.985], "accuracy": [0.3, 0.7, 0.9, 0.99],
                            "count": [3, 12, 40, 305]},
                "winner": {"confidence": [0.4, 0.6, 0.86, 0.98], "accuracy": [0.5, 0.62, 0.84, 0.992],
                           "count": [2, 15, 41, 302]},
            },
            "confusion": {
                "default": [[36 if i == j else int((i * j) % 3 == 2) for j in range(10)] for i in range(10)],
                "winner": [[36 if i == j else int((i + 2 * j) % 7 == 0) for j in range(10)] for i in range(10)],
                "classes": [str(i) for i in range(10)],
            },
        },
        disagreements=[
            {"row": 12, "target": 8, "default": 1, "winner": 8}, {"row": 57, "target": 3, "default": 3, "winner": 5},
            {"row": 940, "target": 9, "default": 4, "winner": 9}, {"row": 1201, "target": 1, "default": 7, "winner": 2},
        ],
    )  # fmt: skip
    return _changed(data, changes)


def diabetes(**changes) -> TuneData:
    """Regression in the target's unit, with a parameter that has that unit. Better."""
    huber = Row(
        "huber_loss", params={"delta": 13.2}, optimizer=ADAMW, validation=39.42, test=38.134, low=33.0, high=44.1,
        difference=-7.914, difference_low=-11.22, difference_high=-4.61, p_value=0.0122,
        secondary={"rmse": 57.31, "r2": 0.401}, worse=["rmse (57.3 against 55.9)"], runs=[37.1, 38.0, 39.3],
        at_bound=["delta"],
    )  # fmt: skip
    mse = Row("mse_loss", optimizer=ADAMW, validation=45.2, test=46.048, low=41.0, high=51.9,
              secondary={"rmse": 55.92, "r2": 0.43}, runs=[45.0, 46.1, 47.0])  # fmt: skip
    l1 = Row("l1_loss", optimizer=ADAMW, validation=41.0, test=40.25, difference=-5.798, difference_low=-10.4,
             difference_high=-1.21, p_value=0.038, secondary={"rmse": 58.02, "r2": math.nan})  # fmt: skip
    residual_target = [25.0 + 11 * i % 300 for i in range(88)]
    data = TuneData(
        task="regression",
        metric="median_ae",
        higher_is_better=False,
        default="mse_loss",
        winner="huber_loss",
        verdict_kind="better",
        keep_default=False,
        verdict="Use huber_loss: median_ae 38.1 instead of 46.0 (difference -7.9, 95 % [-11.2, -4.6]).",
        detectable=4.8,
        margin=0.77,
        table=[mse, huber, l1,
               Row("mse_loss", role="untuned", optimizer={"name": "adamw", "lr": 0.001}, test=47.9, difference=1.85,
                   difference_low=-2.1, difference_high=5.9),
               Row("not a network: gradient boosting", role="baseline", test=48.9, difference=2.85, difference_low=-3.3,
                   difference_high=9.0),
               Row("mean of the training targets", role="baseline", test=66.1)],
        seconds={"search": 1.9, "compare": 1.1, "total": 3.6},
        trials=_trials({"huber_loss": ("delta", 3.0, 300.0), "mse_loss": None}, [4, 12, 40], base=70.0, gain=-28.0),
        versions={"losslab": "0.1.0", "torch": "2.13.0"},
        data_checksum="sha256:77aa",
        data="diabetes: 442 rows, 10 columns, target from 25 to 346",
        why_task="from a target with 214 different numbers",
        split={"train": 265, "validation": 88, "test": 89, "how": "seed 0"},
        model="mlp 10-64-64-1",
        engine="stacked (probe: 21x one after the other)",
        plan="64 trials = 2 losses x 32, then 3 finalists x 20 retrainings",
        rungs=[4, 12, 40],
        epochs=40,
        points=False,
        notes=["20 % of the training and validation targets were spoilt on purpose; the test part was not"],
        holds_for="this model, 40 epochs, data like these",
        ledger=[{"when": "2026-03-01", "study": "diabetes-1"}, {"when": "2026-03-02", "study": "diabetes-2"}],
        command="losslab tune diabetes --corrupt-train 0.2 --metric median_ae",
        seed=3,
        waterfall=[{"step": "untuned", "value": 47.9}, {"step": "tuned", "value": 46.048},
                   {"step": "loss", "value": 38.134}],
        learning_curves={"mse_loss": _curve(90.0, 45.0, 40), "huber_loss": _curve(85.0, 38.5, 40)},
        winner_detail={
            "residuals": {
                "target": residual_target,
                "default": [40 * math.sin(1.7 * i) for i in range(88)],
                "winner": [30 * math.sin(2.3 * i) + (120 if i == 7 else 0) for i in range(88)],
            }
        },
        disagreements=[{"row": 7, "target": 102.0, "default": 95.1, "winner": 222.0},
                       {"row": 31, "target": 66.0, "default": 148.0, "winner": 71.4}],
        nested={"splits": 5, "rows": [{"loss": "huber_loss", "difference": -6.2, "low": -11.0, "high": -1.4,
                                       "p_value": 0.023}]},
    )  # fmt: skip
    return _changed(data, changes)


def equivalent() -> TuneData:
    """Classification where the interval lies inside the margin."""
    data = digits(
        verdict_kind="equivalent",
        verdict="Keep cross_entropy. Equivalent: poly1_cross_entropy is within 1.0 points of it.",
    )
    poly = next(row for row in data.table if row.loss == "poly1_cross_entropy")
    poly.difference_low, poly.difference_high = -0.004, 0.0082
    return data


def imbalanced(**changes) -> TuneData:
    """Two classes, one rare: a cost decides, others are watched, thresholds, settings, importance, many notes."""
    rows = [
        Row("binary_cross_entropy_with_logits", params={"pos_weight": 3.5}, optimizer=ADAMW, validation=0.212,
            test=0.2301, low=0.2, high=0.26, secondary={"average_precision": 0.61, "f1": 0.48, "log_loss": 0.12},
            threshold=-1.25, thresholds={"f1": -0.4}, settings={"schedule": "cosine", "dropout": 0.1},
            runs=[0.231, 0.229]),
        Row("sigmoid_focal_loss", params={"gamma": 2.25, "alpha": 0.7}, optimizer={**ADAMW, "lr": 0.01},
            validation=0.18, test=0.1875, low=0.16, high=0.22, difference=-0.0426, difference_low=-0.07,
            difference_high=-0.0152, p_value=0.004, threshold=-0.5, thresholds={"f1": 0.125},
            secondary={"average_precision": 0.66, "f1": 0.47, "log_loss": 0.31},
            worse=["log_loss (0.31 against 0.12)"], settings={"schedule": "constant", "dropout": 0.0},
            runs=[0.187, 0.188], at_bound=["adamw.lr"]),
        Row("binary_cross_entropy_with_logits", role="untuned", optimizer={"name": "adamw", "lr": 0.001}, test=0.31,
            difference=0.08, difference_low=0.05, difference_high=0.11),
        *(Row(name, role="baseline", test=test, difference=test - 0.2301, difference_low=test - 0.26,
              difference_high=test - 0.2, secondary={"average_precision": 0.5})
          for name, test in (("not a network: linear", 0.27), ("not a network: gradient boosting", 0.22),
                             ("cross_entropy + class weights", 0.235), ("cross_entropy + balanced sampling", 0.241),
                             ("cross_entropy + logit adjustment", 0.2301))),
        Row("majority class", role="baseline", test=0.5),
    ]  # fmt: skip
    data = TuneData(
        task="binary",
        metric="cost",
        higher_is_better=False,
        default="binary_cross_entropy_with_logits",
        winner="sigmoid_focal_loss",
        verdict_kind="better",
        keep_default=False,
        verdict="Use sigmoid_focal_loss instead of binary_cross_entropy_with_logits. Better: cost falls by 0.0426.",
        detectable=0.03,
        margin=0.002,
        table=rows,
        trials=_trials({"binary_cross_entropy_with_logits": ("pos_weight", 0.1, 60.0),
                        "sigmoid_focal_loss": ("gamma", 0.0, 5.0)}, [2, 4, 8], base=0.5, gain=-0.3),
        versions={"losslab": "0.1.0", "torch": "2.13.0"},
        data_checksum="sha256:1b50",
        data="frauds: 5,000 rows, 12 columns, 2 classes (100 to 4,900 rows each)",
        split={"train": 3000, "validation": 1000, "test": 1000, "how": "stratified, seed 0"},
        model="mlp 12-64-64-1",
        plan="32 trials = 2 losses x 16, then 3 finalists x 20 retrainings",
        rungs=[2, 4, 8],
        epochs=8,
        points=False,
        notes=["column 'refund' gives the target away: it alone predicts 99 % of the rows",
               *(f"column 'v{i}' is left out: it has one value in every row" for i in range(30))],
        ledger=[{"date": "2026-03-01", "study": "frauds-1", "split": "ab12"}],
        command="losslab tune frauds.csv --target fraud --cost fn=10,fp=1 --watch average_precision,f1",
        waterfall=[{"step": "untuned", "value": 0.31}, {"step": "tuned", "value": 0.25},
                   {"step": "threshold", "value": 0.2301}, {"step": "loss", "value": 0.1875}],
        learning_curves={"binary_cross_entropy_with_logits": _curve(0.5, 0.21, 8),
                         "sigmoid_focal_loss": _curve(0.48, 0.18, 8)},
        winner_detail={
            "calibration": {"default": {"confidence": [0.62, 0.985], "accuracy": [0.7, 0.99], "count": [40, 960]},
                            "winner": {"confidence": [0.6, 0.9], "accuracy": [0.9, 0.98], "count": [300, 700]}},
            "confusion": {"default": [[960, 20], [9, 11]], "winner": [[940, 40], [4, 16]], "classes": ["ok", "fraud"]},
        },
        metrics={
            "cost": {"higher_is_better": False, "points": False, "summary": "mean cost of a row: fn=10, fp=1"},
            "average_precision": {"higher_is_better": True, "points": True, "summary": ""},
            "f1": {"higher_is_better": True, "points": True, "summary": ""},
        },
        importance={"binary_cross_entropy_with_logits": {"adamw.lr": 0.61, "pos_weight": 0.3, "dropout": 0.09},
                    "sigmoid_focal_loss": {"adamw.lr": 0.2, "gamma": 0.75}},
        budget="10m: 32 trials, decided from 12 steps of a probe",
    )  # fmt: skip
    return _changed(data, changes)


def interrupted(**changes) -> TuneData:
    """A search that was stopped before any finalist was trained afresh."""
    data = digits(
        status="interrupted", table=[], verdict="", winner="", waterfall=[], learning_curves={}, winner_detail={},
        disagreements=[], ledger=[], detectable=None, seconds={},
    )  # fmt: skip
    data.trials = data.trials[:40]
    return _changed(data, changes)


def _changed(data: TuneData, changes: dict) -> TuneData:
    for name, value in changes.items():
        assert hasattr(data, name)
        setattr(data, name, value)
    return data


def _curve(start: float, end: float, epochs: int = 20) -> dict:
    mean = [end + (start - end) * math.exp(-epoch / (epochs / 5)) for epoch in range(1, epochs + 1)]
    spread = abs(start - end) / 12
    return {
        "epoch": list(range(1, epochs + 1)),
        "mean": mean,
        "low": [m - spread for m in mean],
        "high": [m + spread for m in mean],
    }


def _trials(searched: dict, rungs: list[int], base: float, gain: float) -> list[Trial]:
    """Sixteen trials a loss: a quarter reaches the last rung, one fails."""
    trials = []
    for place, (loss, range_) in enumerate(searched.items()):
        for i in range(16):
            share = ((7 * i) % 16) / 15
            params = {range_[0]: range_[1] + share * (range_[2] - range_[1])} if range_ else {}
            quality = 1 - 0.03 * place - 0.5 * (share - 0.3) ** 2 - 0.02 * (i % 3)
            reached = len(rungs) if i % 4 == 0 else 1 + i % 2
            curve = [(e, base + gain * quality * (1 - math.exp(-3 * e / rungs[-1]))) for e in rungs[:reached]]
            state = "complete" if reached == len(rungs) else "pruned"
            value = curve[-1][1] if state == "complete" else None
            optimizer = {**ADAMW, "lr": 0.001 * (1 + i)}
            trials.append(Trial(len(trials), loss, params, optimizer, state, curve, value))
    trials[-1] = Trial(len(trials) - 1, trials[-1].loss, {}, {}, "failed", [], None, "the gradient was not finite")
    return trials
