"""The finished study in the storage that the user names, so that optuna-dashboard and other tools can open it.

The storage is written in bulk at the end (or at an interruption); resume never reads it. A password in a storage's
address reaches no file, page or traceback of ours.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from losslab.search.propose import quiet
from losslab.search.space import Outcome, Space, to_values

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

NUMBER = "losslab_number"  # the trial's own attribute: by it a resumed run knows what is there
SECRETS = r"(?:password|passwd|pwd|secret|token|access_key)"


class Address:
    """Where a storage is: a file of Optuna's journal (a plain path) or a database URL. Printed without its password."""

    def __init__(self, text: "str | Path | Address") -> None:
        self._text: str = text._text if isinstance(text, Address) else str(text)

    def __repr__(self) -> str:
        return redact(self._text)

    @property
    def is_url(self) -> bool:
        return "://" in self._text

    @contextmanager
    def open(self) -> "Iterator[BaseStorage]":
        """The storage, on disk when the block ends: what goes to a journal file is written in one piece."""
        from optuna.storages import JournalStorage, get_storage
        from optuna.storages.journal import JournalFileBackend

        if self.is_url:
            yield get_storage(self._text)
            return
        Path(self._text).parent.mkdir(parents=True, exist_ok=True)
        file = JournalFileBackend(self._text)
        buffer = Buffer(file.read_logs(0))
        there = len(buffer.logs)
        yield JournalStorage(buffer)  # type: ignore[arg-type]
        file.append_logs(buffer.logs[there:])

    def clean(self, message: str) -> str:
        """A message of a database or its driver, without the address's password in any spelling."""
        for secret in sorted(secrets(self._text), key=len, reverse=True):
            message = message.replace(secret, "***")
        return redact(message)


class Buffer:
    """The entries of an Optuna journal in memory (`optuna.storages.journal.BaseJournalBackend`).

    A file of the same kind waits for the disk at every entry, of which a trial has one and a study several.
    """

    def __init__(self, logs: Iterable[dict[str, Any]]) -> None:
        self.logs = list(logs)

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        return self.logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.logs += json.loads(json.dumps(logs))


def redact(text: str) -> str:
    """The text with the passwords of the URLs in it replaced by ***."""
    text = re.sub(r"(://[^\s:/@]*):\S*@", r"\1:***@", text)
    return re.sub(rf"([?&;]{SECRETS}=)[^&;\s]*", r"\1***", text, flags=re.IGNORECASE)


def secrets(url: str) -> set[str]:
    """The passwords in a URL, as written and decoded."""
    found = set(re.findall(r"://[^\s:/@]*:(\S*)@", url)) | set(
        re.findall(rf"[?&;]{SECRETS}=([^&;\s]*)", url, re.IGNORECASE)
    )
    return {spelling for secret in found for spelling in (secret, unquote(secret)) if spelling}


def write_study(
    storage: "str | Path | Address",
    name: str,
    outcomes: Sequence[Outcome],
    spaces: Mapping[str, Space],
    *,
    higher_is_better: bool,
    attributes: Mapping[str, Any] | None = None,
) -> int:
    """Adds the trials that the study `name` in the storage lacks, and returns how many those were.

    `spaces` has the space of each loss. A trial's parameters are "loss", the loss's own after its name
    ("huber_loss.delta", in search units), and the optimiser's. `attributes` become attributes of the study. Raises
    OSError, without the storage's password, where the storage cannot be written.
    """
    storage = Address(storage)  # from here on not even a traceback with local variables shows a password
    return _safely(storage, lambda: _write(storage, name, outcomes, spaces, higher_is_better, attributes or {}))


def check_storage(storage: "str | Path | Address") -> None:
    """Opens the storage, so that a wrong address is known before the search. Raises OSError, without the password."""
    storage = Address(storage)

    def open_once() -> int:
        with quiet(), storage.open():
            return 0

    _safely(storage, open_once, "could not open")


def _safely(storage: Address, act: Callable[[], int], failed: str = "could not write the study to") -> int:
    try:
        return act()
    except Exception as error:
        missing = isinstance(error, ImportError)
        failure = storage.clean(f"{type(error).__name__}: {error}")
    # Raised outside the except clause: the first error, whose frames hold the address, must not hang on to this one.
    hint = "install the driver that it names" if missing else "check the address, the rights and the room on the disk"
    raise OSError(f"{failed} {storage!r}: {failure}. {hint.capitalize()}; what was found is kept")


def _write(
    storage: Address,
    name: str,
    outcomes: Sequence[Outcome],
    spaces: Mapping[str, Space],
    higher_is_better: bool,
    attributes: Mapping[str, Any],
) -> int:
    import optuna

    with quiet(), storage.open() as opened:
        study = optuna.create_study(
            study_name=name,
            storage=opened,
            direction="maximize" if higher_is_better else "minimize",
            load_if_exists=True,
        )
        for key, value in attributes.items():
            study.set_user_attr(key, value)
        there = {trial.user_attrs.get(NUMBER) for trial in study.get_trials(deepcopy=False)}
        ordered = sorted(outcomes, key=lambda outcome: outcome.configuration.number)
        missing = [outcome for outcome in ordered if outcome.configuration.number not in there]
        study.add_trials(frozen(outcome, spaces, list(spaces)) for outcome in missing)
    return len(missing)


def frozen(outcome: Outcome, spaces: Mapping[str, Space], losses: Sequence[str]) -> "FrozenTrial":
    """An outcome as a finished trial of Optuna."""
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import TrialState, create_trial

    configuration = outcome.configuration
    space = spaces[configuration.loss]
    params: dict[str, Any] = {"loss": configuration.loss}
    distributions: dict[str, BaseDistribution] = {"loss": CategoricalDistribution(losses)}
    attributes: dict[str, Any] = {NUMBER: configuration.number, "configuration": configuration.to_json()}
    for short, value in to_values(configuration, space).items():
        full = f"{configuration.loss}.{short}" if short in configuration.params else short
        distribution = around(space[short], value)
        if distribution is None:
            attributes[full] = value
        else:
            params[full], distributions[full] = value, distribution
    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[outcome.state]
    if state == TrialState.COMPLETE and (outcome.value is None or outcome.value != outcome.value):
        state = TrialState.FAIL
    if outcome.reason:
        attributes["reason"] = outcome.reason
    return create_trial(
        state=state, value=outcome.value if state == TrialState.COMPLETE else None, params=params,
        distributions=distributions, user_attrs=attributes, intermediate_values=dict(outcome.curve),
    )  # fmt: skip


def around(distribution: "BaseDistribution", value: Any) -> "BaseDistribution | None":
    """The distribution, widened where a default lies outside the search; None where a log scale cannot hold it."""
    from optuna.distributions import FloatDistribution

    if not isinstance(distribution, FloatDistribution) or distribution.low <= value <= distribution.high:
        return distribution
    if distribution.log and value <= 0:
        return None
    return FloatDistribution(min(distribution.low, value), max(distribution.high, value), log=distribution.log)
