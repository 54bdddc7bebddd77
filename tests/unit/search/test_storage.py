"""The study in the user's storage: complete, only what is missing, and no password anywhere."""

import traceback

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from losslab.optim.registry import RULES
from losslab.search.propose import quiet
from losslab.search.space import Outcome, default_configuration, space_of, to_configuration
from losslab.search.storage import Address, redact, secrets, write_study
from losslab.spec.interval import POSITIVE, UNIT, Interval
from losslab.spec.record import LossRecord, Parameter

OPTIMIZERS = {"sgd": RULES["sgd"], "adamw": RULES["adamw"]}


def a_loss(name, **parameters):
    return LossRecord(
        name=name, rule=lambda input, target: input, kind="pointwise", formula="", source="", tasks=("regression",),
        outputs="one", link="identity", target="real", cases=(), parameters=parameters, group=name,
    )  # fmt: skip


# Two losses with a parameter of one name and different scales, defaults outside the search.
BENT = a_loss("bent_loss", gamma=Parameter(POSITIVE, search=Interval(0.5, 4), log=True, default=9.0))
FLAT = a_loss("flat_loss", gamma=Parameter(UNIT, search=Interval(0.1, 0.5), default=0.0))
SPACES = {record.name: space_of(record, OPTIMIZERS) for record in (BENT, FLAT)}


def outcomes():
    tried = to_configuration({"optimizer": "sgd", "sgd.lr": 0.3, "sgd.momentum": 0.5, "gamma": 2.5}, BENT, number=1)
    return [
        Outcome(default_configuration(FLAT, OPTIMIZERS, number=2), "failed", (), None, "gradient is not finite"),
        Outcome(default_configuration(BENT, OPTIMIZERS, number=0), "complete", ((1, 0.5), (3, 0.75)), 0.75),
        Outcome(tried, "pruned", ((1, 0.25),), None, "fell behind"),
    ]


def load(storage, name="digits"):
    """Through Optuna's own classes, as its dashboard would."""
    if "://" not in str(storage):
        storage = JournalStorage(JournalFileBackend(str(storage)))
    with quiet():
        return optuna.load_study(study_name=name, storage=storage)


def write(storage, found=None, name="digits"):
    return write_study(storage, name, found or outcomes(), SPACES, higher_is_better=True, attributes={"metric": "mae"})


@pytest.fixture(params=["journal", "sqlite"])
def storage(request, tmp_path):
    return tmp_path / "new" / "optuna.log" if request.param == "journal" else f"sqlite:///{tmp_path}/study.db"


def test_everything_is_written(storage):
    assert write(storage) == 3
    study = load(storage)
    default, tried, failed = study.trials
    assert study.direction.name == "MAXIMIZE"
    assert study.user_attrs == {"metric": "mae"}
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert default.params["loss"] == "bent_loss"
    assert default.params["bent_loss.gamma"] == 9.0
    assert default.params["adamw.lr"] == 1e-3
    assert "sgd.lr" not in default.params
    assert (default.value, default.intermediate_values) == (0.75, {1: 0.5, 3: 0.75})
    assert tried.params == {
        "loss": "bent_loss",
        "bent_loss.gamma": 2.5,
        "optimizer": "sgd",
        "sgd.lr": 0.3,
        "sgd.momentum": 0.5,
    }
    assert (tried.value, tried.intermediate_values, tried.user_attrs["reason"]) == (None, {1: 0.25}, "fell behind")
    assert failed.params["flat_loss.gamma"] == 0.0
    assert failed.user_attrs["configuration"]["number"] == 2
    assert study.best_trial.number == 0


def test_writing_again_adds_only_what_is_missing(storage):
    found = outcomes()
    assert write(storage, found[:1]) == 1
    assert write(storage, found[:2]) == 1
    assert write(storage, found) == 1
    assert write(storage, found) == 0
    assert sorted(trial.user_attrs["losslab_number"] for trial in load(storage).trials) == [0, 1, 2]
    assert write(storage, found, "another") == 3


def test_a_default_that_a_log_scale_cannot_hold_is_an_attribute(tmp_path):
    record = a_loss("wide_loss", width=Parameter(Interval(0), search=Interval(0.1, 1), log=True, default=0.0))
    outcome = Outcome(default_configuration(record, OPTIMIZERS), "complete", (), 1.0)
    spaces = {"wide_loss": space_of(record, OPTIMIZERS)}
    assert write_study(tmp_path / "o.log", "s", [outcome], spaces, higher_is_better=False) == 1
    (trial,) = load(tmp_path / "o.log", "s").trials
    assert "wide_loss.width" not in trial.params
    assert trial.user_attrs["wide_loss.width"] == 0.0


def test_a_study_in_the_same_storage_stays(storage):
    """Somebody else's trial lies between two writes of ours."""
    write(storage, outcomes()[:2])
    theirs = load(storage)
    with quiet():
        optuna.create_study(study_name="theirs", storage=theirs._storage).add_trial(theirs.trials[0])
    write(storage)
    assert len(load(storage).trials) == 3
    assert len(load(storage, "theirs").trials) == 1


def test_nothing_is_printed(storage, capfd):
    write(storage)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cr3t@db:5432/x", "postgresql://ann:***@db:5432/x"),
        ("postgresql+psycopg2://ann:p@ss/w:rd@db/x?sslmode=on", "postgresql+psycopg2://ann:***@db/x?sslmode=on"),
        ("mysql://db/x?user=ann&Password=s3cr3t&y=1", "mysql://db/x?user=ann&Password=***&y=1"),
        ("redis://:s3cr3t@host:6379/0", "redis://:***@host:6379/0"),
        ("sqlite:///runs/a.db", "sqlite:///runs/a.db"),
        ("runs/optuna.log", "runs/optuna.log"),
    ],
)
def test_redact(url, shown):
    assert redact(url) == shown
    assert repr(Address(url)) == str(Address(Address(url))) == shown
    assert f"could not open {url} today" not in redact(f"could not open {url} today") or url == shown


def test_secrets_in_every_spelling():
    assert secrets("postgresql://ann:s%40cret@db/x?password=two") == {"s%40cret", "s@cret", "two"}
    cleaned = Address("postgresql://ann:s%40cret@db/x").clean("auth failed: password=s@cret for s%40cret")
    assert cleaned == "auth failed: password=*** for ***"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hush%40hush@localhost:1/none",
        "nodriver://ann:hush%40hush@localhost/none",
        "mysql+nodriver://ann:hush%40hush@localhost/none?password=hush%40hush",
    ],
)
def test_no_password_in_an_error_or_its_traceback(url, capfd):
    """Formatted with local variables, the way pretty tracebacks are; the frame of this test is left out."""
    try:
        write(url)
    except OSError as error:
        failure = error
    assert "could not write the study to" in str(failure)
    assert "ann:***@localhost" in str(failure)
    assert failure.__cause__ is None
    assert failure.__context__ is None
    frames = traceback.TracebackException.from_exception(failure, capture_locals=True)
    ours = [frame for frame in frames.stack if "losslab" in frame.filename and "search" in frame.filename]
    text = "".join(traceback.StackSummary.from_list(ours).format()) + str(failure)
    shown = [f"{frame.locals}" for frame in ours if not frame.filename.endswith("test_storage.py")]
    assert shown
    for spelling in ("hush%40hush", "hush@hush"):
        assert spelling not in text
        assert all(spelling not in local for local in shown)
        assert spelling not in "".join(capfd.readouterr())


def test_an_error_of_the_disk_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"could not write the study to .*file/optuna\.log: .*what was found is kept"):
        write(tmp_path / "file" / "optuna.log")
