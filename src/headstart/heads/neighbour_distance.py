"""Distance to the nearest normal rows, brute force in blocks."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._gaussian_kernel import BLOCK_ELEMENTS, squared_distances
from headstart.heads._plain_detector import PlainDetector
from headstart.heads._scaling import Scaling, fit_scaling


class NeighbourDistance(PlainDetector):
    """Mean distance to the k nearest normal rows, on standardised features, divided by the root of their number.

    Args:
        n_neighbors: k.

    Source: Ramaswamy, Rastogi and Shim, Efficient algorithms for mining outliers from large data sets, SIGMOD 2000;
    Bergman, Cohen and Hoshen, Deep Nearest Neighbor Anomaly Detection (2020).
    """

    name: ClassVar[str] = "neighbour_distance"
    cost_rank: ClassVar[int] = 2
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "rows_", "offset_")

    def __init__(self, n_neighbors: int = 3) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: Any, y: Any = None) -> Self:
        """Keep the (n, d) rows whose ``y`` is 0, or all."""
        if self.n_neighbors < 1:
            raise InputError(f"NeighbourDistance needs n_neighbors >= 1, got {self.n_neighbors!r}. Raise it.")
        X = self._begin_fit(X, y)
        scaling = fit_scaling(X, np.ones(len(X)))
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.rows_ = scaling(X, np.float64)
        own = self._distances(self.rows_, self.n_neighbors + 1)
        self._set_offset(own * (self.n_neighbors + 1) / self.n_neighbors)  # each row found itself, at distance 0
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) mean distances; 1.4 or so between rows that have nothing in common."""
        X = self._rows(X)
        return self._distances(Scaling(self.mean_, self.scale_)(X, np.float64), self.n_neighbors)

    def _distances(self, queries: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        k = min(k, len(self.rows_))
        height = max(1, BLOCK_ELEMENTS // max(len(self.rows_), queries.shape[1]))
        found = np.empty(len(queries))
        for start in range(0, len(queries), height):
            squared = squared_distances(queries[start : start + height], self.rows_)  # (b, n)
            squared.partition(k - 1, axis=1)
            found[start : start + height] = np.sqrt(squared[:, :k] / queries.shape[1]).mean(axis=1)
        return found
