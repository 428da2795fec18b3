"""Deal rows into parts of given shares, whole groups at a time, with the classes balanced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.allot_labels import allot_labels


def allot(codes: Any, groups: Any, shares: Sequence[float], order: Any) -> NDArray[np.int64]:
    """The part of every row.

    Groups of several rows go first, the largest before the others, each to the part that it brings nearest to the
    wanted class counts; rows that stand alone then fill what is missing, class by class.

    Args:
        codes: (n,) class of each row; or (n, n_labels) of 0 and 1, which :func:`allot_labels` deals.
        groups: (n,) int; rows with one number stay together.
        shares: the wanted share of each part; they sum to 1.
        order: (n,) distinct numbers that decide between equals; the row's position does not.

    Returns:
        (n,) index into ``shares``.
    """
    if np.ndim(codes) == 2:
        return allot_labels(codes, groups, shares, order)
    _, codes = np.unique(codes, return_inverse=True)
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    counts = np.bincount(codes)
    missing = np.outer(shares, counts)  # (n_parts, n_classes), rows still wanted
    part = np.full(len(codes), -1, dtype=np.int64)
    by_group = np.lexsort((order, groups))
    ends = np.cumsum(sizes)
    first = np.asarray(order)[by_group[ends - sizes]]
    for group in np.lexsort((first, -sizes)):
        if sizes[group] == 1:
            break
        rows = by_group[ends[group] - sizes[group] : ends[group]]
        part[rows] = _best_part(missing, counts, *np.unique(codes[rows], return_counts=True))
    _fill(part, codes, missing, order)
    return part


def _best_part(missing: NDArray[Any], counts: NDArray[Any], classes: NDArray[Any], rows: NDArray[Any]) -> int:
    """The part to which ``rows`` rows of ``classes`` bring the most; ``missing`` is updated."""
    short = missing[:, classes]
    worse = (((short - rows) ** 2 - short**2) / counts[classes] ** 2).sum(axis=1)
    total = missing.sum(axis=1)
    worse += ((total - rows.sum()) ** 2 - total**2) / counts.sum() ** 2
    best = int(np.lexsort((-total, np.round(worse, 12)))[0])
    missing[best, classes] -= rows
    return best


def _fill(part: NDArray[np.int64], codes: NDArray[np.int64], missing: NDArray[Any], order: Any) -> None:
    alone = np.flatnonzero(part < 0)
    alone = alone[np.lexsort((np.asarray(order)[alone], codes[alone]))]
    for rows in np.split(alone, np.flatnonzero(np.diff(codes[alone])) + 1):
        if len(rows):
            code = codes[rows[0]]
            n_each = _whole_numbers(np.maximum(missing[:, code], 0.0), len(rows), missing.sum(axis=1))
            missing[:, code] -= n_each
            part[rows] = np.repeat(np.arange(len(n_each)), n_each)


def _whole_numbers(wanted: NDArray[Any], n: int, tie: NDArray[Any]) -> NDArray[np.int64]:
    """``n`` in whole numbers as near to ``wanted`` as can be; among equals the part that misses most gets more."""
    scaled = wanted * (n / wanted.sum()) if wanted.sum() > 0 else np.full(len(wanted), n / len(wanted))
    whole = np.floor(scaled + 1e-9).astype(np.int64)
    largest_rest = np.lexsort((-tie, -np.round(scaled - whole, 9)))
    whole[largest_rest[: n - whole.sum()]] += 1
    return whole
