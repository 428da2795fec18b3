"""Weights that count for how many target rows a source row is the nearest."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.kernel_means import drawn_rows
from headstart.strategies._mathematics.kernels import squared_distances
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

BLOCK_ELEMENTS = 4_000_000


class NearestNeighbours(Weighting):
    """``smoothing`` plus the target rows in the cell of the Voronoi diagram that belongs to the source row.

    Nothing is tuned and no weight explodes. Above ``n_target`` target rows a draw of them is counted, and scaled.

    Args:
        smoothing: added to every count (Laplace); 0 leaves rows without a neighbour out.
        n_target: target rows that are counted at most.
        random_state: seed of that draw.

    Source: Loog, Nearest Neighbor-Based Importance Weighting, MLSP 2012.
    """

    name: ClassVar[str] = "nearest_neighbours"

    def __init__(self, smoothing: float = 1.0, *, n_target: int = 20_000, random_state: int | None = 0) -> None:
        self.smoothing = smoothing
        self.n_target = n_target
        self.random_state = random_state

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        if not self.smoothing >= 0:
            raise InputError(f"NearestNeighbours needs smoothing of at least 0, got {self.smoothing!r}. Use 1.0.")
        target = drawn_rows(pair.target, self.n_target, self.random_state)
        counts = np.bincount(nearest(target, pair.source), minlength=pair.n_source)
        return np.asarray(self.smoothing + counts * (pair.n_target / len(target)))


def nearest(X: NDArray[Any], among: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) which of the ``among`` rows is the nearest to each (n, d) row; the first of equals."""
    width = min(len(among), 65_536)
    height = max(1, BLOCK_ELEMENTS // width)
    found = np.zeros(len(X), dtype=np.int64)
    for i in range(0, len(X), height):
        part = slice(i, i + height)
        least = np.full(len(X[part]), np.inf)
        for j in range(0, len(among), width):
            distances = squared_distances(X[part], among[j : j + width])
            here = distances.argmin(axis=1)
            value = distances[np.arange(len(here)), here]
            is_nearer = value < least
            found[part][is_nearer] = here[is_nearer] + j
            least[is_nearer] = value[is_nearer]
    return found
