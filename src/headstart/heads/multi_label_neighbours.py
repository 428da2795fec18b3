"""The labels of the k nearest neighbours by cosine, brute force in blocks."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._multi_label_head import smoothed_shares
from headstart.heads._nearest import nearest, unit_rows, vote_weights
from headstart.heads._plain_labels import PlainLabels
from headstart.heads._scaling import Scaling, fit_scaling, working_dtype


class MultiLabelNeighbours(PlainLabels):
    """Share of the k nearest training rows that have a label, smoothed by how frequent the label is.

    Args:
        n_neighbors: k.
        weights: "distance" for votes of 1 / (cosine distance + 0.001), or "uniform".
        smoothing: votes that the frequencies have, beside k in all.

    Source: Zhang and Zhou, ML-KNN: a lazy learning approach to multi-label learning, Pattern Recognition 40 (2007).
    """

    name: ClassVar[str] = "multi_label_neighbours"
    cost_rank: ClassVar[int] = 3
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "rows_", "targets_", "prior_", "n_labels_")

    def __init__(self, n_neighbors: int = 10, *, weights: str = "distance", smoothing: float = 1.0) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.smoothing = smoothing

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the (n, d) rows, at unit length, and their (n, n_labels) of 0 and 1."""
        if self.n_neighbors < 1 or self.weights not in ("distance", "uniform") or self.smoothing < 0:
            raise InputError(
                "MultiLabelNeighbours needs n_neighbors >= 1, weights 'distance' or 'uniform' and smoothing >= 0, got "
                f"{self.n_neighbors!r}, {self.weights!r}, {self.smoothing!r}. Change the setting."
            )
        X, targets = self._begin_fit(X, y)
        scaling = fit_scaling(X, np.ones(len(X)))
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.rows_ = unit_rows(scaling(X, working_dtype(X)))
        self.targets_ = targets.astype(np.uint8)
        self.prior_ = smoothed_shares(targets)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        X = self._rows(X)
        queries = unit_rows(Scaling(self.mean_, self.scale_)(X, self.rows_.dtype))
        proba = np.empty((len(X), self.n_labels_))
        for part, found, cosines in nearest(queries, self.rows_, self.n_neighbors):
            votes = vote_weights(cosines, self.weights)
            with_label = np.einsum("bk,bkl->bl", votes, self.targets_[found].astype(np.float64))
            proba[part] = (with_label + self.smoothing * self.prior_) / (votes.shape[1] + self.smoothing)
        return proba
