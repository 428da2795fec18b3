"""The data as the rest of the route sees it: readable, labelled, in parts and folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.audit import Audit
from headstart.data.finding import Finding
from headstart.data.folds import blocked_folds, folds
from headstart.data.read import ReadResult
from headstart.data.split import Parts, joined_groups, split
from headstart.data.telling_columns import without_telling_columns
from headstart.run.languages import language_findings
from headstart.run.settings import FitSettings
from headstart.tasks.registry import get_task
from headstart.types import Dataset


@dataclass(frozen=True, eq=False)
class Prepared:
    """Readable labelled rows only; every array has one entry a row.

    Args:
        dataset: the rows.
        digests: their content digests.
        groups: rows of one group or near-duplicate cluster share a number.
        parts: training and test rows.
        folds: (training rows, validation rows) as positions in ``parts.train``.
        findings: of the audit.
        n_unlabelled: readable rows without a label.
        found: how the data were read.
        audit: of all rows.
    """

    dataset: Dataset
    digests: list[bytes]
    groups: NDArray[np.int64]
    parts: Parts
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
    findings: tuple[Finding, ...]
    n_unlabelled: int
    found: ReadResult
    audit: Audit

    @property
    def train_y(self) -> NDArray[Any]:
        """The encoded targets of the rows that may be learnt from, e.g. (n_train,) codes."""
        return encoded(self.dataset.take(self.parts.train))

    @property
    def train_strata(self) -> NDArray[np.int64]:
        """(n_train,) what parts of them keep in proportion, one code each."""
        strata = self.strata_of(self.train_y)
        return strata if strata.ndim == 1 else np.unique(strata, axis=0, return_inverse=True)[1].reshape(-1)

    def strata_of(self, y: NDArray[Any]) -> NDArray[Any]:
        """(n,) or (n, n_labels) what folds of rows with these encoded targets keep in proportion."""
        return get_task(self.dataset.task).strata(y)

    @property
    def train_groups(self) -> NDArray[np.int64]:
        """(n_train,) groups of the rows that may be learnt from."""
        return self.groups[self.parts.train]

    def test_y(self) -> NDArray[Any]:
        """The encoded targets of the test part: read once, at the end."""
        return encoded(self.dataset.take(self.parts.test))


def prepare(found: ReadResult, audit: Audit, settings: FitSettings) -> Prepared:
    """Set unreadable and unlabelled rows aside, put the test part away, cut the rest into folds."""
    usable = audit.readable & found.dataset.labelled
    rows = np.flatnonzero(usable)
    dataset = found.dataset.take(rows)
    near = audit.near_group[rows]
    parts = split(dataset, near_group=near, test_fraction=settings.test_fraction, random_state=settings.random_state)
    dataset, leaks = without_telling_columns(dataset, parts.train)
    overlap = int(found.roles.get("overlap", 0))
    parts = _apart(parts, dataset, overlap)
    groups = joined_groups(dataset.group, near, len(dataset))
    cut = _folds(dataset.take(parts.train), groups[parts.train], overlap, settings)
    return Prepared(
        dataset=dataset,
        digests=[audit.digest[row] for row in rows],
        groups=groups,
        parts=parts,
        folds=cut,
        findings=(*leaks, *audit.findings(), *language_findings(dataset)),
        n_unlabelled=int((audit.readable & ~found.dataset.labelled).sum()),
        found=found,
        audit=audit,
    )


def _apart(parts: Parts, dataset: Dataset, overlap: int) -> Parts:
    """Without the last training windows before a later test part that share steps with it."""
    if not overlap or dataset.time is None or dataset.group is not None or not len(parts.test):
        return parts
    ordered = parts.train[np.argsort(dataset.time[parts.train], kind="stable")]
    if dataset.time[ordered[-1]] > dataset.time[parts.test].min() or len(ordered) <= 2 * overlap:
        return parts
    rule = f"{parts.rule}; the {overlap} windows before it, which share steps with it, are in neither part"
    return replace(parts, train=np.sort(ordered[:-overlap]), rule=rule)


def _folds(
    dataset: Dataset, groups: NDArray[np.int64], overlap: int, settings: FitSettings
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Balanced folds; of windows that overlap in time blocks with a gap between."""
    if overlap and dataset.time is not None and units(groups) is None:
        return blocked_folds(dataset.time, n_folds=settings.n_folds, overlap=overlap)
    strata = get_task(dataset.task).strata(encoded(dataset))
    return folds(strata, groups=groups, n_folds=settings.n_folds, random_state=settings.random_state)


def encoded(dataset: Dataset) -> NDArray[Any]:
    """The targets of labelled rows as heads and metrics take them."""
    targets = () if dataset.targets is None else dataset.targets
    return get_task(dataset.task).encode(list(targets), dataset.classes)


def units(groups: NDArray[Any]) -> NDArray[Any] | None:
    """The groups for resampling, or None where every row stands alone."""
    return groups if len(np.unique(groups)) < len(groups) else None
