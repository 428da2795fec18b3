"""Deal rows with several labels into parts of given shares, whole groups at a time, the rarest label first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def allot_labels(y: Any, groups: Any, shares: Sequence[float], order: Any) -> NDArray[np.int64]:
    """The part of every row.

    Over and over the label with the fewest rows left is taken, and its groups go, the largest first, to the part that
    misses most of it; what has no label left goes where most rows are missing.

    Args:
        y: (n, n_labels) of 0 and 1.
        groups: (n,) int; rows with one number stay together.
        shares: the wanted share of each part; they sum to 1.
        order: (n,) distinct numbers that decide between equals; the row's position does not.

    Returns:
        (n,) index into ``shares``.

    Source: Sechidis, Tsoumakas and Vlahavas, On the Stratification of Multi-Label Data, ECML PKDD 2011.
    """
    y, share = np.asarray(y, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    _, unit, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    counts = np.zeros((len(sizes), y.shape[1]))  # (n_units, n_labels)
    np.add.at(counts, unit, y)
    first = np.full(len(sizes), np.iinfo(np.int64).max)
    np.minimum.at(first, unit, np.asarray(order, dtype=np.int64))
    place = np.lexsort((first, -sizes))
    missing, missing_rows = np.outer(share, counts.sum(axis=0)), share * len(y)
    left = counts.sum(axis=0)
    part = np.full(len(sizes), -1, dtype=np.int64)
    while (left > 0).any():
        label = int(np.argmin(np.where(left > 0, left, np.inf)))
        for number in place[(part[place] < 0) & (counts[place, label] > 0)]:
            best = int(np.lexsort((-missing_rows.round(9), -missing[:, label].round(9)))[0])
            part[number] = best
            missing[best] -= counts[number]
            missing_rows[best] -= sizes[number]
            left = left - counts[number]
    for number in place[part[place] < 0]:
        best = int(np.argmax(missing_rows.round(9)))
        part[number] = best
        missing_rows[best] -= sizes[number]
    return part[unit]
