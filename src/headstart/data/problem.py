"""A target domain, and what else it is learnt from: labelled rows of a source, rows of its own without a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.read import ReadResult
from headstart.errors import InputError, UnknownNameError
from headstart.types import Dataset

TARGET, SOURCE, UNLABELLED = "target", "source", "unlabelled"
TARGET_LABELS = ("learn", "judge")
"""What the labels of target rows are for."""
SOURCE_NAME = "source"
"""Domain of source rows that have none."""


@dataclass(frozen=True, eq=False)
class Problem:
    """All rows, and what each is for.

    Args:
        found: all rows as read. Labels that must not be learnt from are not in it.
        role: (n,) "target", "source" or "unlabelled" (rows of the target).
        hidden: (n,) labels of the target's rows that are for judging alone, None elsewhere; or None.
    """

    found: ReadResult
    role: NDArray[Any]
    hidden: NDArray[Any] | None = None

    @property
    def has_source(self) -> bool:
        """True where there are rows of another domain."""
        return bool((self.role == SOURCE).any())

    def identity(self) -> dict[str, Any]:
        """What tells two problems of the same rows apart; nothing where the target stands alone."""
        if not self.has_source and not (self.role == UNLABELLED).any():
            return {}
        counts = {name: int((self.role == name).sum()) for name in (TARGET, SOURCE, UNLABELLED)}
        if self.hidden is None:
            return {"roles": counts, "target_labels": "learn"}
        labels = sha256(repr([str(label) for label in self.hidden]).encode()).hexdigest()  # another judgement
        return {"roles": counts, "target_labels": "judge", "judged_by": labels}

    @property
    def is_labelled(self) -> bool:
        """True where labels of the target may be learnt from."""
        return bool((self.found.dataset.labelled & (self.role == TARGET)).any())

    @property
    def main(self) -> str:
        """The role of the rows that folds and test part are made of."""
        return TARGET if self.is_labelled or not self.has_source else SOURCE


def plain_problem(found: ReadResult) -> Problem:
    """A target alone."""
    return Problem(found, np.full(len(found.dataset), TARGET, dtype=object))


def split_problem(found: ReadResult, target: str, *, labels: str = "learn") -> Problem:
    """One of the domains is the target, the others are sources.

    Args:
        found: rows with domain names.
        target: name of the target domain.
        labels: one of :data:`TARGET_LABELS`.

    Raises:
        InputError: the rows have no domains, or but one.
        UnknownNameError: no domain is called so.
    """
    domain = found.dataset.domain
    if domain is None:
        raise InputError("fit needs a column of domains for target=..., got none. Name it with domain=...")
    names = sorted({str(name) for name in domain})
    if target not in names:
        raise UnknownNameError("domain", target, names)
    if len(names) < 2:
        raise InputError(f"fit needs rows of other domains beside {target!r}, got none. Leave target=... out.")
    role = np.where([str(name) == target for name in domain], TARGET, SOURCE).astype(object)
    return _settled(found, role, labels)


def joined_problem(
    found: ReadResult, *, source: ReadResult | None = None, unlabelled: ReadResult | None = None, labels: str = "learn"
) -> Problem:
    """A target with rows that came from elsewhere.

    Args:
        found: the target.
        source: labelled rows of another domain.
        unlabelled: further rows of the target; labels they may have are not read.
        labels: one of :data:`TARGET_LABELS`.

    Raises:
        InputError: the parts hold different kinds of example, tasks, or no label at all.
    """
    parts = [(TARGET, found)]
    if source is not None:
        parts.append((SOURCE, _of_domain(source, SOURCE_NAME)))
    if unlabelled is not None:
        parts.append((UNLABELLED, replace(unlabelled, dataset=replace(unlabelled.dataset, targets=None))))
    role = np.concatenate([np.full(len(part.dataset), name, dtype=object) for name, part in parts])
    return _settled(_joined([part for _, part in parts]), role, labels)


def _of_domain(found: ReadResult, name: str) -> ReadResult:
    dataset = found.dataset
    domain = np.full(len(dataset), name, dtype=object) if dataset.domain is None else dataset.domain
    return replace(found, dataset=replace(dataset, domain=domain))


def _joined(parts: Sequence[ReadResult]) -> ReadResult:
    """One data set of all rows; of tables the columns that all have."""
    first = parts[0].dataset
    for part in parts[1:]:
        if part.dataset.modality != first.modality:
            kinds = f"{first.modality} and {part.dataset.modality}"
            raise InputError(f"fit needs examples of one kind, got {kinds}. Say which with modality=...")
    labelled = [part.dataset for part in parts if part.dataset.targets is not None]
    tasks = {dataset.task for dataset in labelled}
    if len(tasks) > 1:
        raise InputError(f"fit needs labels of one task, got {' and '.join(sorted(tasks))}. Say which with task=...")
    classes = tuple(dict.fromkeys(name for dataset in labelled for name in dataset.classes))
    notes = tuple(note for part in parts for note in part.notes if not note.startswith("No labels were found"))
    dataset = Dataset(
        inputs=_common_columns([part.dataset for part in parts]),
        targets=_column(parts, "targets") if labelled else None,
        classes=tuple(sorted(classes)) if len(labelled) > 1 else classes,
        modality=first.modality,
        domain=_column(parts, "domain"),
        group=_column(parts, "group"),
        time=first.time if len(parts) == 1 else None,
        split=_column(parts, "split"),
        ids=np.concatenate([part.dataset.ids for part in parts]),
        task=labelled[0].task if labelled else first.task,
    )
    guesses = tuple(dict.fromkeys(guess for part in parts for guess in part.guesses))
    return ReadResult(dataset, guesses, tuple(dict.fromkeys(notes)), parts[0].roles)


def _column(parts: Sequence[ReadResult], name: str) -> Any:
    """One entry a row; None where a part has no such column, and None altogether where no part has."""
    columns = [getattr(part.dataset, name) for part in parts]
    if all(column is None for column in columns):
        return None
    missing: Any = {"domain": TARGET, "split": ""}.get(name)
    numbered: list[list[Any]]
    if name == "group":  # rows without a group stand alone
        numbered = [[f"row {k}.{i}" for i in range(len(part.dataset))] for k, part in enumerate(parts)]
    else:
        numbered = [[missing] * len(part.dataset) for part in parts]
    values = [list(c) if c is not None else numbered[k] for k, c in enumerate(columns)]
    found = np.empty(sum(map(len, values)), dtype=object)
    found[:] = [value for part in values for value in part]
    return found


def _common_columns(datasets: Sequence[Dataset]) -> list[Any]:
    inputs = [example for dataset in datasets for example in dataset.inputs]
    if datasets[0].modality != "table" or len(datasets) == 1:
        return inputs
    common = set(inputs[0]).intersection(*(dataset.inputs[0] for dataset in datasets if len(dataset)))
    if not common:
        named = [sorted(dataset.inputs[0])[:4] for dataset in datasets if len(dataset)]
        raise InputError(f"fit needs columns that all tables have, got {named[0]} and {named[1]}. Rename them.")
    return [{name: cell for name, cell in row.items() if name in common} for row in inputs]


def _settled(found: ReadResult, role: NDArray[Any], labels: str) -> Problem:
    """Labels for judging are taken out; target rows without a label are unlabelled ones."""
    if labels not in TARGET_LABELS:
        known = " or ".join(map(repr, TARGET_LABELS))
        raise InputError(f"fit needs target_labels {known}, got {labels!r}. Take one of them.")
    dataset, hidden = found.dataset, None
    is_target = role == TARGET
    if labels == "judge" and dataset.targets is not None:
        hidden = _only(dataset.targets, is_target)
        dataset = replace(dataset, targets=_only(dataset.targets, ~is_target))
    role = np.where(is_target & ~dataset.labelled, UNLABELLED, role).astype(object)
    problem = Problem(replace(found, dataset=dataset), role, hidden)
    if problem.has_source and not (dataset.labelled & (role == SOURCE)).any():
        raise InputError("fit needs labels in the source, got none. Name its label column.")
    return _of_shared_classes(problem)


def _of_shared_classes(problem: Problem) -> Problem:
    """Only classes that can be predicted: the target's where it has labels; source rows of others lose theirs."""
    dataset = problem.found.dataset
    if not dataset.classes or dataset.targets is None or not problem.has_source:
        return problem
    told = dataset.labelled & (problem.role == problem.main)
    names = {name for name in dataset.classes if any(_names(target, name) for target in dataset.targets[told])}
    classes = tuple(name for name in dataset.classes if name in names)
    foreign = dataset.labelled & np.array(
        [target is not None and not any(_names(target, name) for name in classes) for target in dataset.targets]
    )
    if not foreign.any():
        return replace(problem, found=replace(problem.found, dataset=replace(dataset, classes=classes)))
    gone = sorted({str(target) for target in dataset.targets[foreign]})
    note = f"{int(foreign.sum()):,} source rows of classes that the target lacks ({', '.join(gone[:3])}) are left out."
    kept = replace(dataset, targets=_only(dataset.targets, ~foreign), classes=classes)
    found = replace(problem.found, dataset=kept, notes=(*problem.found.notes, note))
    return replace(problem, found=found)


def _only(targets: NDArray[Any], kept: NDArray[np.bool_]) -> NDArray[Any]:
    """The targets of some rows, None elsewhere."""
    found = np.full(len(targets), None, dtype=object)
    found[kept] = targets[kept]
    return found


def _names(target: Any, name: str) -> bool:
    return name in target if isinstance(target, tuple) else bool(target == name)
