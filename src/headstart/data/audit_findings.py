"""What the audit has to tell people about any kind of example, in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding, counted
from headstart.tasks.registry import get_task

if TYPE_CHECKING:
    from headstart.data.audit import Audit
    from headstart.data.split import Parts

UNBALANCED = 10
"""The largest class has this many times the examples of the smallest: worth a warning."""

_MAX_NAMED = 3
_SEVERITIES = ("error", "warning", "note")


def audit_findings(audit: Audit, parts: Parts | None = None) -> tuple[Finding, ...]:
    """All findings about ``audit``, worst first; ``parts`` decides the leaks, else the data's own split."""
    found = [
        *_leaks(audit, _sides(audit, parts)),
        *_unreadable(audit),
        *_conflicts(audit),
        *_copies(audit),
        *_classes(audit),
        *(audit.modality.findings(audit) if audit.readable.any() else ()),
    ]
    return tuple(sorted(found, key=lambda finding: _SEVERITIES.index(finding.severity)))


def _finding(kind: str, severity: str, text: str, rows: Any = ()) -> Finding:
    return Finding(kind, severity, text, tuple(int(row) for row in rows))


def _unreadable(audit: Audit) -> list[Finding]:
    by_reason: dict[str, list[int]] = {}
    for row in np.flatnonzero(~audit.readable):
        reason = str(audit.problem[row]).split(" (")[0]
        by_reason.setdefault("claims too many pixels" if reason.startswith("claims") else reason, []).append(int(row))
    return [
        _finding(
            "unreadable", "warning", f"{counted(len(rows), 'file')} set aside: {reason}: {audit.named(rows)}.", rows
        )
        for reason, rows in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    ]


def _clusters(keys: NDArray[Any], rows: NDArray[Any]) -> list[NDArray[Any]]:
    """The sets of at least two ``rows`` that share a key, in order of their first row."""
    _, codes = np.unique(keys[rows], return_inverse=True)
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    clusters = [rows[members] for members in np.split(order, edges) if len(members) > 1]
    return sorted(clusters, key=lambda members: int(members[0]))


def _exact_keys(audit: Audit) -> NDArray[np.int64]:
    return np.where(audit.duplicate_of < 0, np.arange(len(audit.duplicate_of)), audit.duplicate_of)


def _copies(audit: Audit) -> list[Finding]:
    found = []
    rows = np.flatnonzero(audit.readable)
    copies = np.flatnonzero(audit.duplicate_of >= 0)
    if len(copies):
        n_pictures = len(np.unique(audit.duplicate_of[copies]))
        text = (
            f"{counted(len(copies), 'file', 'repeats', 'repeat')} {counted(n_pictures, 'other file')} byte for byte: "
            f"{audit.named(copies)}."
        )
        found.append(_finding("exact_duplicates", "warning", text, copies))
    near = [members for members in _clusters(audit.near_group, rows) if _n_distinct(audit, members) > 1]
    if near:
        members = np.concatenate(near)
        text = (
            f"{counted(len(members), audit.modality.NOUN)} form {counted(len(near), 'cluster')} of near-duplicates "
            "(copies but for small changes); each cluster stays on one side of a split, first: "
            f"{audit.named(near[0])}."
        )
        found.append(_finding("near_duplicates", "note", text, members))
    return found


def _n_distinct(audit: Audit, rows: NDArray[Any]) -> int:
    return len(np.unique(_exact_keys(audit)[rows]))


def _conflicts(audit: Audit) -> list[Finding]:
    targets = audit.dataset.targets
    if targets is None:
        return []
    rows = np.flatnonzero(audit.readable & audit.dataset.labelled)
    found = []
    exact: set[int] = set()
    for kind, keys, words in (
        ("conflicting_labels", _exact_keys(audit), "byte for byte equal"),
        ("near_conflicting_labels", audit.near_group, "near-duplicates"),
    ):
        if audit.dataset.task == "regression" and keys is audit.near_group:
            continue  # what looks nearly alike may well measure differently
        clusters = [c for c in _clusters(keys, rows) if len(set(targets[c])) > 1 and not exact.intersection(c.tolist())]
        if not clusters:
            continue
        members = np.concatenate(clusters)
        exact.update(members.tolist())
        labels = " and ".join(repr(label) for label in sorted(set(targets[clusters[0]])))
        text = (
            f"{counted(len(members), 'file')} are {words} and yet carry different labels: {audit.named(clusters[0])} "
            f"({labels}). Decide which label is right."
        )
        found.append(_finding(kind, "warning", text, members))
    return found


def _sides(audit: Audit, parts: Parts | None) -> NDArray[Any] | None:
    """(n,) 1 for training rows, 2 for test rows, 0 for others; None without a split."""
    side = np.zeros(len(audit.problem), dtype=np.int8)
    if parts is not None:
        side[parts.train], side[parts.test] = 1, 2
        return side
    if audit.dataset.split is None:
        return None
    side[np.isin(audit.dataset.split, ("train", "val"))] = 1
    side[audit.dataset.split == "test"] = 2
    return side


def _leaks(audit: Audit, side: NDArray[Any] | None) -> list[Finding]:
    if side is None:
        return []
    rows = np.flatnonzero(audit.readable & (side > 0))
    found = []
    told: set[int] = set()
    for kind, keys, words in (
        ("leak", _exact_keys(audit), "copies"),
        ("near_leak", audit.near_group, "near-duplicates"),
    ):
        across = [c for c in _clusters(keys, rows) if len(set(side[c])) > 1]
        leaked = [int(row) for cluster in across for row in cluster[side[cluster] == 2] if int(row) not in told]
        if not leaked:
            continue
        told.update(leaked)
        partner = next(c for c in across if leaked[0] in c)
        who = counted(len(leaked), f"test {audit.modality.NOUN}", "has", "have")
        text = (
            f"{who} {words} among the training ones: test figures "
            f"are too good: {audit.named([leaked[0]])} is {audit.named(partner[side[partner] == 1][:1])}. Remove "
            "one side."
        )
        found.append(_finding(kind, "error", text, leaked))
    return found


def _classes(audit: Audit) -> list[Finding]:
    dataset = audit.dataset
    if dataset.targets is None:
        return []
    rows = np.flatnonzero(audit.readable & dataset.labelled)
    if not dataset.classes:
        return _numbers(dataset.targets[rows])
    names_of = get_task(dataset.task).names
    counts = Counter(name for row in rows for name in names_of(dataset.targets[row]))
    found = []
    rare = [name for name in dataset.classes if counts[name] < 2]
    if rare:
        names = ", ".join(repr(name) for name in rare[:_MAX_NAMED]) + (" ..." if len(rare) > _MAX_NAMED else "")
        text = f"{counted(len(rare), 'class')} with fewer than two readable examples: {names}."
        with_rare = [row for row in rows if set(names_of(dataset.targets[row])) & set(rare)]
        found.append(_finding("rare_class", "warning", text, with_rare))
    present = [(counts[name], name) for name in dataset.classes if counts[name]]
    if len(present) > 1:
        (most, large), (least, small) = max(present, key=lambda p: p[0]), min(present, key=lambda p: p[0])
        text = (
            f"{len(present)} classes over {len(rows):,} examples, from {least:,} ({small!r}) to {most:,} ({large!r})."
        )
        found.append(_finding("class_balance", "warning" if most >= UNBALANCED * least else "note", text))
    return found


def _numbers(targets: NDArray[Any]) -> list[Finding]:
    if not len(targets):
        return []
    low, middle, high = np.quantile(targets.astype(np.float64), (0, 0.5, 1))
    text = f"The numbers go from {low:g} to {high:g}, half of them up to {middle:g}, over {len(targets):,} examples."
    return [_finding("numbers", "note", text)]
