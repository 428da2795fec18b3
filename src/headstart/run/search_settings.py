"""A search of FineTune's settings on a data set: the test part put aside, trials, one look at the test part."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.registry import get_card, is_ready, list_cards
from headstart.data.split import split as cut
from headstart.deadline import Deadline
from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.intervals import bootstrap, paired_difference
from headstart.run.fit import fingerprint, sound
from headstart.run.prepared import Prepared, prepare, units
from headstart.run.read_problem import read_problem
from headstart.run.searched_settings import Look, SearchedSettings
from headstart.run.settings import FitSettings, parse_budget
from headstart.selection.recipe import default_recipes
from headstart.selection.search import LEAST_VALID, check_search, search
from headstart.selection.search_result import SearchResult
from headstart.selection.search_space import Space
from headstart.types import Progress, silent
from headstart.whole_file import write_whole

if TYPE_CHECKING:
    from headstart.strategies.parameter.fine_tune import FineTune

TUNED = ("image", "text", "audio", "video")
"""Kinds of examples whose backbones can be fine-tuned."""
METRICS = {"classification": ("macro_f1", "accuracy"), "regression": ("neg_mae", "r2")}
"""What is told of the test part, by task."""
SEARCH_SHARE = 0.6
"""Share of a budget for the trials; the two fits at the end have the rest."""
VALID_FRACTION = 0.2
SPARE_ROWS = 4
"""Rows that judge beyond the fewest, where there are few: shares of classes are rounded."""
OF_RULE, FOUND = "the rule's settings", "the settings found"
RULE = "honest: test part, read once"
_LOOKS = "looks.json"


def search_settings(
    data: Any,
    labels: Any = None,
    *,
    backbone: str | None = None,
    space: Space | None = None,
    fixed: Mapping[str, Any] | None = None,
    budget: str | float | None = None,
    n_trials: int | None = None,
    storage: str | Path | None = None,
    n_jobs: int = 1,
    task: str | None = None,
    label: str | None = None,
    path: str | None = None,
    text: str | None = None,
    modality: str | None = None,
    group: Any = None,
    split: Any = None,
    time_column: Any = None,
    test_fraction: float = 0.2,
    random_state: int = 0,
    progress: Progress = silent,
) -> SearchedSettings:
    """Read, audit and split as :func:`headstart.fit` does, search on the rest, and read the test part once.

    Test part and validation rows respect groups and near-duplicates, and lie later in time where there are times.
    The settings found and the rule's are fitted on all rows but the test part; where rows hang together or follow each
    other, the search's validation rows judge inside these fits, as a part drawn row by row would know too much.

    Args:
        data: as :func:`headstart.fit` takes it.
        labels: likewise.
        backbone: a name or a folder; None: the cheapest pretrained one that is ready.
        space: what is tried; see :func:`headstart.search`.
        fixed: settings of FineTune that are not tried.
        budget: seconds, or text like "10m", for all of it; None: no limit.
        n_trials: as in :func:`headstart.search`.
        storage: a folder or URL where the search is kept and gone on from; None: nothing is kept. One storage holds
            searches of several data sets and backbones.
        n_jobs: trials at once.
        task: "classification" or "regression"; None: guessed from the labels.
        label: column of the labels.
        path: column of the paths.
        text: column of the texts.
        modality: "image", "text", "audio" or "video"; None: guessed.
        group: column of groups that no split parts.
        split: column that says train, val or test; rows marked val judge the trials.
        time_column: column of times.
        test_fraction: share of the labelled rows that is put aside.
        random_state: the seed.
        progress: told of long work.

    Raises:
        HeadstartError: with one line that names the thing, the reason and the remedy.
    """
    started, fixed = time.monotonic(), dict(fixed or {})
    settings = FitSettings(
        budget_seconds=parse_budget(budget), test_fraction=test_fraction, random_state=random_state, task=_task(task)
    )
    deadline = Deadline.after(settings.budget_seconds)
    check_search(budget=None, n_trials=n_trials, n_jobs=n_jobs)
    _check_fixed(fixed, backbone)
    roles = {"label": label, "path": path, "text": text, "group": group, "split": split, "time": time_column}
    problem = read_problem(data, labels, {**roles, "modality": modality, "task": settings.task})
    dataset = problem.found.dataset
    if dataset.task not in METRICS or dataset.modality not in TUNED:
        raise InputError(
            f"search needs classes or numbers of {', '.join(TUNED)}, got {dataset.task} of {dataset.modality}. Use "
            "headstart fit."
        )
    backbone = _backbone(dataset.modality) if backbone is None else backbone
    audited = sound(problem, progress)
    prepared = prepare(problem, audited, settings)
    parts = _SearchParts.of(prepared, random_state)
    identity = [backbone, fixed, settings.identity(), fingerprint(dataset, audited), repr(space)]
    study = sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    budget_left = None if deadline.ends_at is None else max(1e-9, SEARCH_SHARE * deadline.left_seconds)
    found = search(
        parts.examples(parts.searched),
        parts.y(parts.searched),
        backbone=backbone,
        space=space,
        fixed=fixed,
        task=dataset.task,
        budget=budget_left,
        n_trials=n_trials,
        storage=storage,
        study=study,
        valid_rows=np.flatnonzero(np.isin(parts.searched, parts.valid)),
        n_jobs=n_jobs,
        random_state=random_state,
        progress=progress,
    )
    return _judged(prepared, parts, found, fixed, deadline, storage, study, started, progress)


@final
@dataclass(frozen=True, eq=False)
class _SearchParts:
    """Rows of the prepared data set.

    Args:
        data: prepared.
        searched: rows that trials are fitted on or judged by, ascending.
        valid: those that judge, ascending.
        rule: how they came about.
        is_loose: True where rows stand alone, so that any of them may judge others.
    """

    data: Prepared
    searched: NDArray[np.int64]
    valid: NDArray[np.int64]
    rule: str
    is_loose: bool

    @classmethod
    def of(cls, data: Prepared, random_state: int) -> _SearchParts:
        """Rows marked val, or a second split by the rules of the first.

        Raises:
            InputError: there are too few rows for a test part, or for rows that judge.
        """
        train, groups = data.parts.train, data.train_groups
        if not len(data.parts.test):
            why = data.parts.rule.partition(": no test part")[0]
            raise InputError(f"search needs rows to put aside for the test, got none ({why}). Add examples.")
        own = data.dataset.take(train)
        marked = np.zeros(len(train), bool) if own.split is None else np.array([name == "val" for name in own.split])
        if marked.sum() >= LEAST_VALID:
            return cls(data, train, train[marked], "the rows marked val", is_loose=False)
        share = min(0.5, max(VALID_FRACTION, (LEAST_VALID + SPARE_ROWS) / len(train)))
        inner = cut(replace(own, split=None), near_group=groups, test_fraction=share, random_state=random_state)
        if len(inner.test) < LEAST_VALID:
            raise InputError(
                f"search needs {LEAST_VALID} rows or more that judge beside the test part, got {len(inner.test)} of "
                f"{len(train)} ({inner.rule}). Add examples, or mark some as val with split."
            )
        searched = np.sort(np.concatenate([train[inner.train], train[inner.test]]))
        is_loose = units(groups) is None and own.time is None
        return cls(data, searched, train[inner.test], inner.rule, is_loose=is_loose)

    def examples(self, rows: NDArray[np.int64]) -> list[Any]:
        """Raw ones."""
        return [self.data.dataset.inputs[row] for row in rows]

    def y(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """(n,) codes or numbers of rows that are not of the test part."""
        places = np.searchsorted(self.data.parts.train, rows)
        return self.data.train_y[places]

    def fitted(self, model: FineTune) -> FineTune:
        """On all rows but the test part; where they hang together those that judged the trials judge here too."""
        if self.is_loose:
            return model.fit(self.examples(self.data.parts.train), self.data.train_y)
        fitting, held = np.setdiff1d(self.searched, self.valid), self.valid
        X_valid, y_valid = self.examples(held), self.y(held)
        return model.fit(self.examples(fitting), self.y(fitting), X_valid=X_valid, y_valid=y_valid)

    def tested(self, model: FineTune) -> NDArray[np.float64]:
        """What the model says of the test rows: (m, n_classes) probabilities or (m,) numbers."""
        examples = self.examples(self.data.parts.test)
        if model.task == "regression":
            return np.asarray(model.predict(examples), dtype=np.float64)
        found = np.zeros((len(examples), len(self.data.dataset.classes)))
        found[:, model.classes_] = model.predict_proba(examples)
        return found


def _judged(
    data: Prepared,
    parts: _SearchParts,
    found: SearchResult,
    fixed: dict[str, Any],
    deadline: Deadline,
    storage: str | Path | None,
    study: str,
    started: float,
    progress: Progress,
) -> SearchedSettings:
    """Fit both settings anew and read the test part."""
    own = ("backbone", "task", "random_state", *fixed)
    rule = {name: value for name, value in found.settings.items() if name in own}
    sides = {OF_RULE: rule} if found.chosen.is_rule else {OF_RULE: rule, FOUND: dict(found.settings)}
    notes, predicted = list(found.notes), {}
    for done, (name, settings) in enumerate(sides.items(), start=1):
        model = parts.fitted(_timed(settings, deadline, n_left=len(sides) - done + 1))
        if model.history_ is not None and model.history_.stopped_by == "deadline":
            notes.append(f"The last fit with {name} was cut by the clock.")
        predicted[name] = parts.tested(model)
        progress("last fits", done, len(sides))
    notes += _looked(storage, study, found.settings)
    y, groups = data.test_y(), units(data.groups[data.parts.test])
    more: dict[str, Any] = {"groups": groups, "random_state": found.settings["random_state"]}
    looks = {}
    for metric in METRICS[data.dataset.task]:
        score = {name: bootstrap(metric, y, side, rule=RULE, **more) for name, side in predicted.items()}
        looks[metric] = Look(score[OF_RULE])
        if FOUND in predicted:
            difference = paired_difference(metric, y, predicted[FOUND], predicted[OF_RULE], **more)
            looks[metric] = Look(score[OF_RULE], score[FOUND], difference)
    n_rows = {"fitted": len(parts.searched) - len(parts.valid), "judged": len(parts.valid), "test": len(y)}
    rules = {"test": data.parts.rule, "validation": parts.rule}
    return SearchedSettings(found, rule, looks, n_rows, rules, tuple(notes), time.monotonic() - started)


def _timed(settings: dict[str, Any], deadline: Deadline, *, n_left: int) -> FineTune:
    """The model, with its share of the time that is left."""
    from headstart.strategies.parameter.fine_tune import FineTune

    own = settings.get("max_seconds")
    if deadline.ends_at is None:
        return FineTune(**settings)
    left = max(1e-3, deadline.left_seconds / n_left)
    return FineTune(**{**settings, "max_seconds": left if own is None else min(own, left)})


def _looked(storage: str | Path | None, study: str, settings: Mapping[str, Any]) -> list[str]:
    """Book this look at the test part beside the trials; a note where there was another one before."""
    if storage is None or "://" in str(storage):
        return []
    file = Path(storage) / _LOOKS
    looks = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    before = [look for look in looks.get(study, []) if look != dict(settings)]
    write_whole(file, json.dumps({**looks, study: [*before, dict(settings)]}, indent=1) + "\n")
    if not before:
        return []
    return [
        f"The test part was read for {len(before)} other settings of this search before: to choose among them by these "
        "figures would not be honest."
    ]


def _task(name: str | None) -> str | None:
    return None if name is None else name.replace("-", "_")


def _backbone(modality: str) -> str:
    """The cheapest pretrained one that is ready.

    Raises:
        InputError: there is none.
    """
    cards = [c for c in list_cards(modality) if c.input is not None and c.weights == "pretrained" and is_ready(c)]
    if not cards:
        raise InputError(
            f"search needs a backbone of {modality} that is ready, got none. Run headstart backbones list, and name "
            "one with backbone=... (--backbone)."
        )
    return default_recipes(cards, combined=False)[0].backbones[0]


def _check_fixed(fixed: dict[str, Any], backbone: str | None) -> None:
    """What can be told before any file is read.

    Raises:
        InputError: a fixed setting makes no sense.
        UnknownNameError: there is no such setting or backbone.
    """
    from headstart.strategies.parameter._tuning_begin import check_settings
    from headstart.strategies.parameter.fine_tune import FineTune

    if backbone is not None:
        get_card(backbone)
    known = FineTune().get_params(deep=False)
    for name in fixed:
        if name not in known:
            raise UnknownNameError("A search of FineTune's settings", name, known)
    check_settings(FineTune(**fixed))
