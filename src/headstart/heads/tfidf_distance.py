"""Distance to the nearest normal rows on weighted counts: the classic for strange texts."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._plain_detector import PlainDetector
from headstart.heads._tfidf import Tfidf

BLOCK_ELEMENTS = 8_000_000
"""Similarities held at a time."""


class TfidfDistance(PlainDetector):
    """Mean cosine distance to the k nearest normal rows, counts weighted by rarity.

    Args:
        n_neighbors: k.

    Source: Salton and Buckley, Information Processing and Management 24 (1988); Ramaswamy, Rastogi and Shim, SIGMOD
    2000.
    """

    name: ClassVar[str] = "tfidf_distance"
    cost_rank: ClassVar[int] = 4
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("rarity_", "data_", "indices_", "indptr_", "offset_")

    def __init__(self, n_neighbors: int = 3) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: Any, y: Any = None) -> Self:
        """Keep the (n, d) counts, dense or sparse, whose ``y`` is 0, or all."""
        if self.n_neighbors < 1:
            raise InputError(f"TfidfDistance needs n_neighbors >= 1, got {self.n_neighbors!r}. Raise it.")
        X = self._begin_fit(X, y)
        known = Tfidf.of(X)
        self.rarity_ = np.full(X.shape[1], np.log(1.0 + X.shape[0]) + 1)  # what no normal row has counts most
        self.rarity_[known.columns] = known.rarity
        rows = self._weighted(X)
        self.data_, self.indices_, self.indptr_ = rows.data, rows.indices, rows.indptr
        own = self._distances(rows, self.n_neighbors + 1)
        self._set_offset(own * (self.n_neighbors + 1) / self.n_neighbors)  # each row found itself, at distance 0
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) mean cosine distances, 0..1 for counts."""
        X = self._rows(X)
        return self._distances(self._weighted(X), self.n_neighbors)

    def _weighted(self, X: Any) -> Any:
        return Tfidf(np.arange(len(self.rarity_)), self.rarity_)(X)

    def _distances(self, queries: Any, k: int) -> NDArray[np.float64]:
        from scipy.sparse import csr_array

        shape = (len(self.indptr_) - 1, len(self.rarity_))
        rows = csr_array((self.data_, self.indices_, self.indptr_), shape=shape)
        k = min(k, shape[0])
        height = max(1, BLOCK_ELEMENTS // shape[0])
        found = np.empty(queries.shape[0])
        for start in range(0, len(found), height):
            cosines = (queries[start : start + height] @ rows.T).toarray()  # (b, n)
            cosines.partition(shape[0] - k, axis=1)
            found[start : start + height] = np.clip(1 - cosines[:, shape[0] - k :], 0, 2).mean(axis=1)
        return found
