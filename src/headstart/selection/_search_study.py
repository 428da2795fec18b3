"""The trials of a search in Optuna's storage, which survives the process and which several machines may share."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from headstart.errors import InputError, MissingExtraError
from headstart.selection._trial import unpacked
from headstart.selection.search_result import SearchTrial
from headstart.selection.search_space import Among, Around, Between, Space

if TYPE_CHECKING:
    import optuna

_JOURNAL = "journal.log"
_CLOCK = 10
"""A trial is compared with others at each tenth of its steps."""
_TRIALS_FIRST = 4
"""Trials that must have ended before one is pruned."""
_SHARES_FIRST = 3
"""Tenths of a trial that are run before it is pruned."""


@final
class SearchStudy:
    """Trials that are begun, told and counted.

    Args:
        storage: a folder, or a URL that Optuna knows; None: memory.
        name: of the study.
        space: what is tried.
        start: the rule's values, for the first trial.
        identity: of examples and settings; what a study that goes on must agree in.
        random_state: seed.

    Raises:
        InputError: the study holds another search.
        MissingExtraError: Optuna is not installed.
    """

    def __init__(
        self,
        storage: str | Path | None,
        name: str,
        space: Space,
        start: dict[str, Any],
        *,
        identity: str,
        random_state: int,
    ) -> None:
        optuna = need_optuna()
        from headstart.selection._seeded_sampler import SeededSampler

        self._space, self._owner = space, process_name()
        with quiet():
            self._study = optuna.create_study(
                storage=_storage(storage),
                sampler=SeededSampler(random_state),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_TRIALS_FIRST, n_warmup_steps=_SHARES_FIRST),
                study_name=name,
                direction="minimize",
                load_if_exists=True,
            )
        if self._study.user_attrs.setdefault("identity", identity) != identity:
            raise InputError(
                f"The study {name!r} needs the search that began it, got other examples, settings or another space. "
                "Name another study, or another storage."
            )
        self._study.set_user_attr("identity", identity)
        self._put_back_what_was_killed()
        if not any(trial.user_attrs.get("is_rule") for trial in self._all()):
            self._study.enqueue_trial(start, user_attrs={"is_rule": True})

    def begin(self, n_trials: int | None) -> optuna.Trial | None:
        """The next trial, one that waits first; None where there are ``n_trials`` already."""
        trials = self._all()
        is_waiting = any(trial.state.name == "WAITING" for trial in trials)
        replaced = _replaced(trials)
        if not is_waiting and n_trials is not None and sum(t.number not in replaced for t in trials) >= n_trials:
            return None
        trial = self._study.ask()
        trial.set_user_attr("owner", self._owner)
        for name, choice in self._space.items():
            _suggest(trial, name, choice)
        return trial

    def is_worth(self, trial: optuna.Trial, share: float, loss: float) -> bool:
        """Whether to go on with a trial of which ``share`` of the steps is done. The rule always is."""
        at, told = int(_CLOCK * share), self._frozen(trial).intermediate_values
        if at > max(told, default=0):
            trial.report(loss, at)
        return bool(trial.user_attrs.get("is_rule")) or not trial.should_prune()

    def end(self, trial: optuna.Trial, said: dict[str, Any]) -> None:
        """Book what the child said; one that died is begun anew, once."""
        from optuna.trial import TrialState

        if "losses" in said:
            trial.set_user_attr("said", said)
            self._study.tell(trial, float(unpacked(said["losses"]).astype(float).mean()))
        elif "pruned" in said:
            trial.set_user_attr("why", "worse than the median of those before at the same share of the steps")
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr("why", said["failed"])
            if said.get("died") and "retry_of" not in trial.user_attrs:
                self._again(self._frozen(trial))
            self._study.tell(trial, state=TrialState.FAIL)

    def put_back(self, trial: optuna.Trial) -> None:
        """The search itself was stopped: whoever goes on begins this trial anew."""
        self._again(self._frozen(trial))
        self._study.tell(trial, state=_state("FAIL"))

    def trials(self) -> tuple[SearchTrial, ...]:
        """All, by number, without those that wait."""
        found = self._all()
        replaced = _replaced(found)
        return tuple(_told(trial, is_replaced=trial.number in replaced) for trial in found if _is_begun(trial))

    def importance(self, random_state: int) -> dict[str, float]:
        """Name -> share in the differences; empty with fewer than 8 trials that ended."""
        done = [trial for trial in self._all() if trial.state.name == "COMPLETE"]
        if len(done) < 8 or len({trial.value for trial in done}) == 1:
            return {}
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        found = get_param_importances(self._study, evaluator=FanovaImportanceEvaluator(seed=random_state))
        return {name: float(share) for name, share in found.items()}

    def _all(self) -> list[Any]:
        return list(self._study.get_trials(deepcopy=False))

    def _frozen(self, trial: optuna.Trial) -> Any:
        return self._all()[trial.number]

    def _again(self, trial: Any) -> None:
        """Put a trial of the same values into the queue."""
        if trial.number in _replaced(self._all()):
            return
        kept = {name: trial.user_attrs[name] for name in ("is_rule",) if name in trial.user_attrs}
        values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        self._study.enqueue_trial(values, user_attrs={**kept, "retry_of": trial.number})

    def _put_back_what_was_killed(self) -> None:
        """Trials that run, as the storage has it, in a process of this machine that is no more."""
        for trial in self._all():
            if trial.state.name == "RUNNING" and not is_alive(trial.user_attrs.get("owner", "")):
                self._again(trial)
                self._study.tell(trial.number, state=_state("FAIL"))


def need_optuna() -> Any:
    """The package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("A search of settings", "optuna", "search") from error
    return optuna


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing inside, as nothing in headstart prints."""
    logger = logging.getLogger("optuna")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def process_name() -> str:
    """This process: machine, number, and when it began, as numbers are used again."""
    return f"{uuid.getnode():x}.{socket.gethostname()} {os.getpid()} {_began(os.getpid())}"


def is_alive(owner: str) -> bool:
    """False for a process of this machine that is no more; of other machines nothing is known."""
    machine, *rest = owner.split(" ")
    if machine != process_name().split(" ")[0]:
        return bool(owner)  # without a name it was killed before it could say it
    try:
        os.kill(int(rest[0]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _began(int(rest[0])) == rest[1]


def _began(number: int) -> str:
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "?"


def _storage(storage: str | Path | None) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if storage is None or "://" in str(storage):
        return storage
    path = Path(storage).absolute() / _JOURNAL  # absolute, as its lock is a link to it
    path.parent.mkdir(parents=True, exist_ok=True)
    _mend(path)
    return JournalStorage(JournalFileBackend(str(path)))


def _mend(path: Path) -> None:
    """Cut off a last line that was not written to its end: its writer was killed."""
    from optuna.storages.journal import JournalFileSymlinkLock
    from optuna.storages.journal._file import get_lock_file

    if not path.is_file():
        return
    with get_lock_file(JournalFileSymlinkLock(str(path))), path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _suggest(trial: optuna.Trial, name: str, choice: Among | Between | Around) -> None:
    if isinstance(choice, Among):
        trial.suggest_categorical(name, choice.values)
    elif isinstance(choice, Around):
        trial.suggest_float(name, choice.low, choice.high, log=True)
    elif isinstance(choice.low, int) and isinstance(choice.high, int):
        trial.suggest_int(name, choice.low, choice.high, log=choice.is_log)
    else:
        trial.suggest_float(name, choice.low, choice.high, log=choice.is_log)


def _replaced(trials: list[Any]) -> set[int]:
    return {trial.user_attrs["retry_of"] for trial in trials if "retry_of" in trial.user_attrs}


def _is_begun(trial: Any) -> bool:
    return bool(trial.state.name != "WAITING")


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]


def _told(trial: Any, *, is_replaced: bool) -> SearchTrial:
    said = trial.user_attrs.get("said", {})
    states = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "retried" if is_replaced else "failed"}
    state = states.get(trial.state.name, "running")
    why = trial.user_attrs.get("why", "the process that watched it was killed" if trial.state.name == "FAIL" else "")
    facts: dict[str, Any] = {"is_rule": bool(trial.user_attrs.get("is_rule")), "why": why}
    if state == "done":
        facts |= {"loss": float(trial.value), "losses": unpacked(said["losses"]), "settings": said["settings"]}
        facts |= {"seconds": said["seconds"], "is_cut": said["is_cut"]}
    return SearchTrial(trial.number, state, dict(trial.params), **facts)
