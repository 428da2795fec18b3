"""Distances between the rows of both domains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MEDIAN_ROWS = 1_000
"""Rows that the median looks at; of more so many are drawn."""

Float = NDArray[np.float64]


def squared_distances(rows: Float) -> Float:
    """(n, n) squared Euclidean distances, 0 on the diagonal, never negative."""
    lengths = np.einsum("ij,ij->i", rows, rows)
    found = lengths[:, None] + lengths - 2 * (rows @ rows.T)
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.maximum(found, 0.0))


def median_distance(rows: Float, random_state: int) -> float:
    """The median distance of two different rows; 1 where most rows are the same."""
    if len(rows) > MEDIAN_ROWS:
        rows = rows[np.random.default_rng(random_state).choice(len(rows), MEDIAN_ROWS, replace=False)]
    middle = float(np.median(squared_distances(rows)[np.triu_indices(len(rows), k=1)]))
    return float(np.sqrt(middle)) if middle > 0 else 1.0
