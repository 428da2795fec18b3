"""Cut rows into folds for cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.allot import allot
from headstart.errors import InputError

Rows = NDArray[np.int64]


def folds(codes: Any, *, groups: Any = None, n_folds: int = 5, random_state: int = 0) -> list[tuple[Rows, Rows]]:
    """Stratified folds that keep groups whole; every row is validated exactly once.

    A class of fewer examples than folds is missing from some validation parts, never from a training part unless it
    has one example, or group, only. There are fewer folds than asked for only where there are fewer groups. Same
    arguments, same folds.

    Args:
        codes: (n,) class codes, or (n, n_labels) of 0 and 1.
        groups: (n,) group names or numbers; rows of one group are never on both sides.
        n_folds: how many folds at most, at least 2.
        random_state: the seed.

    Returns:
        For each fold the rows to train on and the rows to validate, both ascending.

    Raises:
        InputError: there are fewer than 2 rows or groups, or ``n_folds`` is below 2.
    """
    codes = np.asarray(codes)
    if n_folds < 2:
        raise InputError(f"folds needs n_folds of at least 2, got {n_folds}. Give 2 or more.")
    if groups is not None and len(groups) != len(codes):
        raise InputError(
            f"folds needs one group a row, got {len(groups)} for {len(codes)} rows. Give both in the same order."
        )
    names = np.arange(len(codes)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    n_groups = len(np.unique(names))
    if n_groups < 2:
        what = "rows" if groups is None else "groups"
        raise InputError(f"folds needs at least 2 {what}, got {n_groups}. Add examples or leave groups out.")
    n_folds = min(n_folds, n_groups)
    order = np.random.default_rng(random_state).permutation(len(codes))
    part = allot(codes, names, [1 / n_folds] * n_folds, order)
    rows = np.arange(len(codes))
    cut = [(rows[part != fold], rows[part == fold]) for fold in range(n_folds)]
    return [(train, valid) for train, valid in cut if len(valid)]


def blocked_folds(times: Any, *, n_folds: int = 5, overlap: int = 0) -> list[tuple[Rows, Rows]]:
    """Folds of rows that follow each other in time, with rows left out of training beside each validation part.

    Args:
        times: (n,) sortable times.
        n_folds: how many folds at most, at least 2.
        overlap: how many rows after one, in time, share something with it, as windows do.

    Returns:
        For each fold the rows to train on and the rows to validate, both ascending.

    Raises:
        InputError: so few rows are left that a fold has none to train on.

    Source: purged cross-validation as in Lopez de Prado, Advances in Financial Machine Learning (2018), section 7.4.
    """
    order = np.argsort(np.asarray(times), kind="stable")
    cut = []
    for block in np.array_split(np.arange(len(order)), min(n_folds, len(order))):
        far = (np.arange(len(order)) < block[0] - overlap) | (np.arange(len(order)) > block[-1] + overlap)
        if not far.any():
            raise InputError(
                f"folds needs more than {len(order)} rows for {n_folds} blocks whose neighbours {overlap} rows away "
                "are left out. Give a shorter window or fewer folds."
            )
        cut.append((np.sort(order[far]), np.sort(order[block])))
    return cut
