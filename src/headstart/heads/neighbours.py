"""k nearest neighbours by cosine, brute force in blocks: exact, and bounded in memory."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._head import ClassWeight
from headstart.heads._plain_head import PlainHead
from headstart.heads._scaling import Scaling, fit_scaling, working_dtype

BLOCK_ELEMENTS = 8_000_000
"""Similarities held at a time."""


class Neighbours(PlainHead):
    """Votes of the k nearest training rows by the cosine of standardised features, smoothed by the class frequencies.

    Args:
        n_neighbors: k.
        weights: "distance" for votes of 1 / (cosine distance + 0.001), or "uniform".
        smoothing: votes that the class frequencies have, beside k in all.
        standardize: whether features are centred and scaled before the cosine.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.

    Source: Cover and Hart, Nearest neighbor pattern classification, IEEE Transactions on Information Theory 13 (1967).
    """

    name: ClassVar[str] = "neighbours"
    cost_rank: ClassVar[int] = 6
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "rows_", "votes_", "codes_", "prior_")

    def __init__(
        self,
        n_neighbors: int = 10,
        *,
        weights: str = "distance",
        smoothing: float = 1.0,
        standardize: bool = True,
        class_weight: ClassWeight = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.smoothing = smoothing
        self.standardize = standardize
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the (n, d) rows, at unit length, and their labels."""
        if self.n_neighbors < 1 or self.weights not in ("distance", "uniform") or self.smoothing < 0:
            got = f"{self.n_neighbors!r}, {self.weights!r}, {self.smoothing!r}"
            what = "Neighbours needs n_neighbors >= 1, weights 'distance' or 'uniform' and smoothing >= 0"
            raise InputError(f"{what}, got {got}. Change the setting.")
        X, codes, ones = self._begin_fit(X, y)
        scaling = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]))
        if self.standardize:
            scaling = fit_scaling(X, ones)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.rows_ = _unit(scaling(X, working_dtype(X)))
        self.codes_ = codes
        self.votes_ = self._class_weights(self.class_weight, codes, ones)
        totals = np.bincount(codes, weights=self.votes_)
        self.prior_ = totals / totals.sum()
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        scaling = Scaling(self.mean_, self.scale_)
        n_rows = max(1, BLOCK_ELEMENTS // max(len(self.rows_), X.shape[1]))
        parts = [
            self._votes(_unit(scaling(X[start : start + n_rows], self.rows_.dtype)))
            for start in range(0, len(X), n_rows)
        ]
        return np.concatenate(parts)

    def _votes(self, queries: NDArray[Any]) -> NDArray[np.float64]:
        similarity = queries @ self.rows_.T  # (b, n_train)
        k = min(self.n_neighbors, len(self.rows_))
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        nearness = np.take_along_axis(similarity, nearest, axis=1).astype(np.float64)
        vote = np.ones_like(nearness)
        if self.weights == "distance":
            vote = 1 / (np.clip(1 - nearness, 0, 2) + 1e-3)
            vote *= k / vote.sum(axis=1, keepdims=True)
        vote *= self.votes_[nearest]
        totals = np.tile(self.smoothing * self.prior_, (len(queries), 1))
        each = np.repeat(np.arange(len(queries)), k)
        np.add.at(totals, (each, self.codes_[nearest].ravel()), vote.ravel())
        return np.asarray(totals / totals.sum(axis=1, keepdims=True))


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return np.asarray(rows / np.where(length > 0, length, 1)[:, None])
