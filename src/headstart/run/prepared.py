"""The data as the rest of the route sees it: readable, labelled, in parts and folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.audit import Audit
from headstart.data.finding import Finding
from headstart.data.folds import blocked_folds, folds
from headstart.data.problem import SOURCE, TARGET, UNLABELLED, Problem
from headstart.data.read import ReadResult
from headstart.data.split import Parts, joined_groups, split
from headstart.data.telling_columns import without_telling_columns
from headstart.run.languages import language_findings
from headstart.run.settings import FitSettings
from headstart.selection.source_model import Elsewhere
from headstart.tasks.registry import get_task
from headstart.types import Dataset


@dataclass(frozen=True, eq=False)
class Prepared:
    """Readable labelled rows only; every array has one entry a row.

    Args:
        dataset: the rows that folds and test part are made of.
        digests: their content digests.
        groups: rows of one group or near-duplicate cluster share a number.
        parts: training and test rows.
        folds: (training rows, validation rows) as positions in ``parts.train``.
        findings: of the audit.
        n_unlabelled: readable rows without a label.
        found: how the data were read.
        audit: of all rows.
        whole: ``dataset`` and behind it the rows of ``elsewhere``.
        whole_digests: their content digests.
        elsewhere: labelled rows of other domains and unlabelled rows of the target, or None.
        hidden: (n_unlabelled,) labels of these that are for judging alone; or None.
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
    whole: Dataset
    whole_digests: list[bytes]
    elsewhere: Elsewhere | None = None
    hidden: NDArray[Any] | None = None

    @property
    def train_y(self) -> NDArray[Any]:
        """The encoded targets of the rows that may be learnt from, e.g. (n_train,) codes."""
        return encoded(self.dataset.take(self.parts.train))

    @property
    def learn_rows(self) -> NDArray[np.int64]:
        """Rows of ``whole`` that backbones may learn from without labels: all but the test part and its groups."""
        if self.elsewhere is None:
            return self.parts.train
        others = np.concatenate([self.elsewhere.source, self.elsewhere.unlabelled])
        held_out = self.elsewhere.groups[self.parts.test]
        return np.concatenate([self.parts.train, others[~np.isin(self.elsewhere.groups[others], held_out)]])

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


def prepare(problem: Problem, audit: Audit, settings: FitSettings) -> Prepared:
    """Set unreadable and unlabelled rows aside, put the test part away, cut the rest into folds."""
    found = problem.found
    parts_of = {role: audit.readable & (problem.role == role) for role in (TARGET, SOURCE, UNLABELLED)}
    labelled = found.dataset.labelled
    main = np.flatnonzero(parts_of[problem.main] & labelled)
    others = [] if problem.main == SOURCE else [np.flatnonzero(parts_of[SOURCE] & labelled)]
    source = others[0] if others else main[:0]
    unlabelled = np.flatnonzero(parts_of[UNLABELLED]) if problem.has_source else main[:0]
    rows = np.concatenate([main, source, unlabelled])
    whole, near = found.dataset.take(rows), audit.near_group[rows]
    n_main = len(main)
    own = np.arange(n_main)
    parts = split(
        whole.take(own),
        near_group=near[:n_main],
        test_fraction=settings.test_fraction,
        random_state=settings.random_state,
    )
    whole, leaks = without_telling_columns(whole, parts.train)
    dataset = whole.take(own)
    overlap = int(found.roles.get("overlap", 0))
    parts = _apart(parts, dataset, overlap)
    groups = joined_groups(whole.group, near, len(whole))
    cut = _folds(dataset.take(parts.train), groups[parts.train], overlap, settings)
    digests = [audit.digest[row] for row in rows]
    return Prepared(
        dataset=dataset,
        digests=digests[:n_main],
        groups=groups[:n_main],
        parts=parts,
        folds=cut,
        findings=(*leaks, *audit.findings(), *language_findings(dataset)),
        n_unlabelled=int((audit.readable & ~labelled).sum()),
        found=found,
        audit=audit,
        whole=whole,
        whole_digests=digests,
        elsewhere=_elsewhere(whole, n_main, len(source), groups) if problem.has_source else None,
        hidden=None if problem.hidden is None else problem.hidden[unlabelled],
    )


def _elsewhere(whole: Dataset, n_main: int, n_source: int, groups: NDArray[np.int64]) -> Elsewhere:
    source = np.arange(n_main, n_main + n_source)
    domain = np.array([] if whole.domain is None else [str(name) for name in whole.domain[source]], dtype=object)
    return Elsewhere(
        source=source,
        y=encoded(whole.take(source)),
        domain=domain,
        unlabelled=np.arange(n_main + n_source, len(whole)),
        groups=groups,
        n_main=n_main,
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
