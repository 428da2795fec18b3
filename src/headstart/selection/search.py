"""Settings of a fine-tuning by search, for whoever has the time: the rule first, then what a sampler thinks better."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from headstart.deadline import Deadline
from headstart.errors import DeadlineExceededError, InputError
from headstart.selection._search_data import Rows, SearchData, plain_labels
from headstart.selection._search_study import SearchStudy, need_optuna, quiet
from headstart.selection._trial_child import run_child
from headstart.selection.search_result import SearchResult, SearchTrial, choose
from headstart.selection.search_space import Around, Space, check_space, default_space
from headstart.types import Progress, silent

if TYPE_CHECKING:
    import optuna

LEAST_VALID = 20
"""Fewer rows than this judge too coarsely."""
TRIALS = 30
"""How many there are where neither a number nor a time is given."""
_FAILED_FIRST = 3
"""So many failures without a trial that ended, and the search is given up."""


def search(
    examples: Sequence[Any],
    labels: Any,
    *,
    backbone: str = "efficientnet_lite0",
    space: Space | None = None,
    fixed: Mapping[str, Any] | None = None,
    task: str = "classification",
    budget: float | None = None,
    n_trials: int | None = None,
    storage: str | Path | None = None,
    study: str = "fine_tune",
    validation_fraction: float = 0.2,
    valid_rows: Any = None,
    n_jobs: int = 1,
    random_state: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Try settings of :class:`headstart.FineTune` on examples, all judged by the same validation rows.

    The first trial is what the rule says, which is kept unless another is better by a standard error. Each trial has a
    process of its own, so that its memory comes back, and a crash is one failed trial. A trial that is worse than the
    median at the same share of its steps is ended. Pass training examples alone: the test part must not be here.

    The same call with the same ``storage`` goes on, after a kill too; several processes and machines may make it at
    once. With ``n_jobs=1`` and no ``budget`` the same call tries the same settings. A trial that another machine began
    and never ended stays "running" until that machine goes on.

    Args:
        examples: n raw ones: paths, strings, bytes or arrays.
        labels: (n,) labels or numbers.
        backbone: a name or a folder.
        space: what is tried; None: :func:`~headstart.selection.search_space.default_space` without what is fixed.
        fixed: other settings of FineTune; a ``space`` holds none of them.
        task: "classification" or "regression".
        budget: seconds for this call; begun trials are cut to what is left.
        n_trials: of the study, pruned and failed ones among them. None: as many as fit, or 30 without a ``budget``.
        storage: a folder, or a URL that Optuna knows, for what goes on or is shared; None: nothing is kept.
        study: a name within the storage.
        validation_fraction: share of each class that judges.
        valid_rows: rows that judge, instead, such as whole groups or the last in time.
        n_jobs: trials at once.
        random_state: seed of the search and of every trial.
        progress: is told the trials.

    Returns:
        The settings; ``FineTune(**result.settings).fit(examples, labels)`` is the model.

    Raises:
        InputError: examples, labels, settings or the space make no sense; no trial ends.
        DeadlineExceededError: the time is over before a trial ends.
        MissingExtraError: Optuna is not installed.
        UnknownNameError: there is no such setting or backbone.
    """
    check_search(budget=budget, n_trials=n_trials, n_jobs=n_jobs, task=task, validation_fraction=validation_fraction)
    if not isinstance(backbone, str):
        raise InputError(f"A search needs a backbone by name or folder, got {type(backbone).__name__}. Name it.")
    fixed = dict(fixed or {})
    space = dict(_free(default_space(_modality(backbone), task=task), fixed) if space is None else space)
    check_space(space, fixed)
    y = plain_labels(labels, len(examples))
    data = SearchData(examples, y, _valid_rows(y, task, validation_fraction, valid_rows, random_state))
    settings = {"backbone": _place(backbone), "task": task, **fixed, "random_state": random_state}
    deadline = Deadline.after(budget)
    if budget is None and n_trials is None:
        n_trials = TRIALS
    with _folder(storage) as parent, quiet():
        folder = data.write(parent)
        told = json.dumps([settings, {name: repr(choice) for name, choice in space.items()}], sort_keys=True)
        identity = hashlib.sha256(f"{folder.name} {told}".encode()).hexdigest()
        start = _start(space)
        trials = SearchStudy(storage, study, space, start, identity=identity, random_state=random_state)
        _Search(trials, space, settings, folder, deadline, n_trials, progress).run(n_jobs)
        return _result(trials, settings, random_state)


@final
@dataclass(frozen=True, eq=False)
class _Search:
    """Trials one after the other, or some at once."""

    study: SearchStudy
    space: Space
    settings: dict[str, Any]
    folder: Path
    deadline: Deadline
    n_trials: int | None
    progress: Progress
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, n_jobs: int) -> None:
        """Until there are enough, or no time is left."""
        if n_jobs == 1:
            return self._work()
        with ThreadPoolExecutor(n_jobs, thread_name_prefix="headstart-search") as pool:
            for ended in [pool.submit(self._work) for _ in range(n_jobs)]:
                ended.result()
        return None

    def _work(self) -> None:
        while (trial := self._next()) is not None:
            try:
                said = self._said(trial)
            except BaseException:
                self.study.put_back(trial)
                raise
            self.study.end(trial, said)
            self.progress("trials", trial.number + 1, self.n_trials or 0)

    def _next(self) -> optuna.Trial | None:
        with self.lock:
            ended = self.study.trials()
            _give_up(ended)
            fastest = min((trial.seconds for trial in ended if trial.seconds is not None), default=0.0)
            if self.deadline.is_over or not self.deadline.allows(fastest):
                return None
            return self.study.begin(self.n_trials)

    def _said(self, trial: optuna.Trial) -> dict[str, Any]:
        """What came of the trial's child."""
        is_rule = bool(trial.user_attrs.get("is_rule"))
        tried = {} if is_rule else trial.params
        factors = {name: value for name, value in tried.items() if isinstance(self.space[name], Around)}
        plain = {name: value for name, value in tried.items() if name not in factors}
        left, own = self.deadline.left_seconds, self.settings.get("max_seconds")
        most = min(left, float("inf") if own is None else own)
        job = {
            "settings": {**self.settings, **plain},
            "factors": factors,
            "max_seconds": None if most == float("inf") else most,
        }
        return run_child(
            self.folder,
            job,
            is_worth=lambda share, loss: self.study.is_worth(trial, share, loss),
            left_seconds=left,
        )


def _result(study: SearchStudy, settings: dict[str, Any], random_state: int) -> SearchResult:
    trials = study.trials()
    chosen = choose(trials)
    if chosen is None:
        _give_up(trials, most=1)
        raise DeadlineExceededError("A search needs a trial that ends, got none in its time. Give it a longer budget.")
    notes = [f"trial {t.number} {t.state}: {t.why}" for t in trials if t.state in ("failed", "retried")]
    if chosen.is_rule and len(trials) > 1:
        notes.insert(0, "No trial is better than the rule by a standard error: its settings stay.")
    found = {**settings, **chosen.settings}
    return SearchResult(found, chosen, trials, study.importance(random_state), tuple(notes))


def _give_up(trials: Sequence[SearchTrial], *, most: int = _FAILED_FIRST) -> None:
    failed = [trial for trial in trials if trial.state == "failed"]
    if len(failed) >= most and not any(trial.state in ("done", "pruned") for trial in trials):
        raise InputError(f"A search needs a trial that ends, got {len(failed)} that failed. The first: {failed[0].why}")


def _free(space: Space, fixed: Mapping[str, Any]) -> Space:
    return {name: choice for name, choice in space.items() if name not in fixed}


def _start(space: Space) -> dict[str, Any]:
    """The values nearest to the rule's."""
    from headstart.strategies.parameter.fine_tune import FineTune

    usual = FineTune().get_params(deep=False)
    return {name: choice.nearest(usual[name]) for name, choice in space.items()}


def _modality(backbone: str) -> str:
    from headstart.backbones.registry import get_card

    return get_card(backbone).modality


def _place(backbone: str) -> str:
    """A folder as whoever reads it from elsewhere finds it."""
    return str(Path(backbone).absolute()) if Path(backbone).is_dir() else backbone


def check_search(
    *,
    budget: float | None,
    n_trials: int | None,
    n_jobs: int,
    task: str = "classification",
    validation_fraction: float = 0.2,
) -> None:
    """What can be told without examples; arguments as in :func:`search`.

    Raises:
        InputError: one of them makes no sense.
        MissingExtraError: Optuna is not installed.
    """
    need_optuna()
    wrong = [
        f"{name} above 0, got {value!r}"
        for name, value in (("budget", budget), ("n_trials", n_trials), ("n_jobs", n_jobs))
        if value is not None and value <= 0
    ]
    if task not in ("classification", "regression"):
        wrong.append(f"task of classification, regression, got {task!r}")
    if not 0 < validation_fraction < 1:
        wrong.append(f"validation_fraction between 0 and 1, got {validation_fraction!r}")
    if wrong:
        raise InputError(f"A search needs {'; '.join(wrong)}. Correct them.")


def _valid_rows(y: Any, task: str, fraction: float, rows: Any, random_state: int) -> Rows:
    """(n_valid,) sorted."""
    from headstart.strategies.parameter._tuning_begin import target_of
    from headstart.training.held_out_rows import held_out_rows

    target = target_of(task, y, len(y))
    if rows is None:
        strata = target.strata(target.encoded(y, len(y)))
        found = held_out_rows(strata, fraction=fraction, least=LEAST_VALID, random_state=random_state)[1]
    else:
        found = np.unique(np.asarray(rows, dtype=np.int64))
        if len(found) and not 0 <= found[0] <= found[-1] < len(y):
            raise InputError(
                f"A search needs valid_rows in 0..{len(y) - 1}, got {found[[0, -1]].tolist()}. Correct them."
            )
    if len(found) < LEAST_VALID or len(found) > len(y) - 2:
        raise InputError(
            f"A search needs {LEAST_VALID} rows or more that judge, and others, got {len(found)} of {len(y)}. "
            "Add examples, or take another share."
        )
    unseen = set(y[found].tolist()) - set(np.delete(y, found).tolist())
    if task == "classification" and unseen:
        raise InputError(f"A search needs each class outside valid_rows too, got none of {min(unseen)!r}. Move some.")
    return found


@contextmanager
def _folder(storage: str | Path | None) -> Iterator[Path]:
    """Where the examples are written for the children: kept beside the trials where these have a folder."""
    if storage is not None and "://" not in str(storage):
        yield Path(storage).absolute()
        return
    with tempfile.TemporaryDirectory(prefix="headstart-search-") as folder:
        yield Path(folder)
