"""Put a test part aside before anything is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.allot import allot
from headstart.errors import InputError
from headstart.tasks.registry import get_task
from headstart.types import Dataset

Rows = NDArray[np.int64]

MIN_ROWS = 60
"""With fewer labelled rows a test part says nothing: repeated cross-validation is used instead."""

MIN_GROUPS = 5
"""With fewer independent groups likewise."""

MIN_CLASS_ROWS = 5
"""At least two classes must have this many rows, or there is nothing to test."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Which rows are learnt from and which are kept for the end.

    Args:
        train: row numbers, ascending.
        test: row numbers, ascending; empty where there are too few rows and cross-validation must do.
        rule: in words, how the parts came about.
    """

    train: Rows
    test: Rows
    rule: str


def split(dataset: Dataset, *, near_group: Any = None, test_fraction: float = 0.2, random_state: int = 0) -> Parts:
    """Split the labelled rows; unlabelled rows are in neither part.

    The split that came with the data is respected ("val" rows count as training rows). Otherwise, with times, the
    latest rows are the test part; without, classes, labels or ranges are balanced. Groups and near-duplicates are
    never parted. Which part a row goes to depends on its id and the seed, not on its position. With fewer than 60
    labelled rows, 5 groups, or two classes of 5 rows, ``test`` is empty and the rule says "repeated cross-validation".

    Args:
        dataset: the examples.
        near_group: (n,) int, equal for rows that show the same picture (from the audit).
        test_fraction: share of the labelled rows to test on, between 0 and 1.
        random_state: the seed.

    Raises:
        InputError: ``test_fraction`` is out of range, or the data's own test part has a class that training lacks.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"split needs test_fraction between 0 and 1, got {test_fraction!r}. Try 0.2.")
    if near_group is not None and len(near_group) != len(dataset):
        raise InputError(
            f"split needs one near_group a row, got {len(near_group)} for {len(dataset)} rows. Pass the audit's."
        )
    rows = np.flatnonzero(dataset.labelled)
    said = np.array(dataset.split[rows], dtype=object) if dataset.split is not None else None
    if said is not None and (said == "test").any():
        return _own_split(dataset, rows, said)
    prefix = "" if said is None or not said.astype(bool).any() else "the data came without labelled test rows; "
    if said is not None and (said == "val").any():
        prefix += "their val rows count as train; "
    groups = joined_groups(dataset.group, near_group, len(dataset))[rows]
    reason = _too_few(dataset, rows, groups)
    if reason:
        return Parts(rows, rows[:0], f"{prefix}{reason}: no test part, repeated cross-validation")
    if dataset.time is not None:
        return _forward(dataset, rows, groups, test_fraction, prefix)
    return _stratified(dataset, rows, groups, test_fraction, random_state, prefix, near_group is not None)


def joined_groups(group: Any, near_group: Any, n: int) -> Rows:
    """(n,) int: rows that share a group or a near-duplicate cluster, directly or through others, share a number."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = [(np.arange(n), np.arange(n))]
    for names in (group, near_group):
        if names is not None:
            _, first, codes = np.unique(np.asarray(names), return_index=True, return_inverse=True)
            links.append((np.arange(n), first[codes]))
    left, right = (np.concatenate(side) for side in zip(*links, strict=True))
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    joined: Rows = connected_components(graph, directed=False)[1].astype(np.int64)
    return joined


def _too_few(dataset: Dataset, rows: Rows, groups: Rows) -> str:
    if len(rows) < MIN_ROWS:
        return f"{len(rows)} labelled rows are fewer than {MIN_ROWS}"
    n_groups = len(np.unique(groups))
    if n_groups < MIN_GROUPS:
        return f"{n_groups} independent groups are fewer than {MIN_GROUPS}"
    assert dataset.targets is not None
    if not get_task(dataset.task).is_exclusive:
        return ""
    n_classes = int((np.unique(dataset.targets[rows], return_counts=True)[1] >= MIN_CLASS_ROWS).sum())
    return f"{n_classes} classes have {MIN_CLASS_ROWS} rows or more" if n_classes < 2 else ""


def _own_split(dataset: Dataset, rows: Rows, said: NDArray[Any]) -> Parts:
    train, test = rows[said != "test"], rows[said == "test"]
    if not len(train):
        raise InputError(
            f"split needs labelled training rows, got {len(test)} labelled rows that are all marked test. Mark some "
            "train."
        )
    assert dataset.targets is not None
    unseen = sorted(set(dataset.targets[test]) - set(dataset.targets[train]))
    if unseen and get_task(dataset.task).is_exclusive:
        names = ", ".join(repr(name) for name in unseen[:5])
        raise InputError(
            f"split needs every test class among the training rows, got {names} in the test part only. "
            "Add training examples, or remove the class from the test part."
        )
    rule = "the split that came with the data"
    for name, words in (("val", "rows marked val count as train"), ("", "rows without a mark count as train")):
        if (said == name).any():
            rule += f"; {int((said == name).sum())} {words}"
    return Parts(train, test, rule)


def _order(dataset: Dataset, rows: Rows, random_state: int) -> Rows:
    """(n,) the rank of each row in an order that its id and the seed decide, wherever it stands."""
    salt = str(int(random_state)).encode()
    keys = [
        blake2b(str(dataset.ids[row]).encode("utf-8", "surrogatepass"), digest_size=16, key=salt).digest()
        for row in rows
    ]
    order: Rows = np.argsort(np.array([key.hex() for key in keys]), kind="stable").argsort(kind="stable")
    return order


def _stratified(
    dataset: Dataset, rows: Rows, groups: Rows, fraction: float, random_state: int, prefix: str, has_near: bool
) -> Parts:
    assert dataset.targets is not None
    task = get_task(dataset.task)
    strata = task.strata(task.encode(list(dataset.targets[rows]), dataset.classes))
    is_test = allot(strata, groups, (1 - fraction, fraction), _order(dataset, rows, random_state)) == 1
    if task.is_exclusive:
        _keep_classes(is_test, strata, groups)
    if not is_test.any():
        return Parts(rows, rows[:0], f"{prefix}no group can be spared: no test part, repeated cross-validation")
    kept = [*(["groups"] if dataset.group is not None else []), *(["near-duplicates"] if has_near else [])]
    whole = f", {' and '.join(kept)} kept together" if kept else ""
    rule = (
        f"{prefix}{is_test.mean():.0%} of the labelled rows drawn at random (seed {random_state}), balanced by "
        f"{task.balanced_by}{whole}"
    )
    return Parts(rows[~is_test], rows[is_test], rule)


def _keep_classes(is_test: NDArray[np.bool_], targets: NDArray[Any], groups: Rows) -> None:
    """Give the training part the smallest group with a class that it would lack."""
    for name in np.unique(targets):
        members = targets == name
        if is_test[members].all():
            candidates, sizes = np.unique(groups[np.isin(groups, groups[members])], return_counts=True)
            is_test[groups == candidates[np.argmin(sizes)]] = False


def _forward(dataset: Dataset, rows: Rows, groups: Rows, fraction: float, prefix: str) -> Parts:
    assert dataset.time is not None
    assert dataset.targets is not None
    times, targets = dataset.time[rows], dataset.targets[rows]
    ordered = np.sort(times)
    # The cut is a moment: rows of one moment stay together, and the whole test part comes after it.
    cut = ordered[max(0, min(len(rows) - 1, round(len(rows) * (1 - fraction)) - 1))]
    late = times > cut
    early_groups = np.unique(groups[~late])
    is_test = late & ~np.isin(groups, early_groups)
    n_straddling = int((late & ~is_test).sum())
    new = np.zeros(len(rows), dtype=bool)
    if get_task(dataset.task).is_exclusive:
        new = is_test & ~np.isin(targets, np.unique(targets[~late].astype(str)))
    is_test &= ~new
    rule = f"{prefix}forward in time: trained up to {cut}, tested on what came after"
    if n_straddling:
        rule += f"; {n_straddling} later rows of earlier groups are in neither part"
    if new.any():
        names = ", ".join(repr(name) for name in sorted(set(targets[new]))[:5])
        rule += f"; {int(new.sum())} later rows of classes not seen before ({names}) are in neither part"
    if not is_test.any():
        return Parts(
            rows,
            rows[:0],
            f"{prefix}no later rows of other groups and known classes: no test part, repeated cross-validation",
        )
    return Parts(rows[~late], rows[is_test], rule)
