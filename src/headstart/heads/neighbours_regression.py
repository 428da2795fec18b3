"""The mean of the k nearest neighbours by cosine, brute force in blocks."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._nearest import nearest, unit_rows, vote_weights
from headstart.heads._plain_regressor import PlainRegressor
from headstart.heads._scaling import Scaling, fit_scaling, working_dtype


class NeighboursRegression(PlainRegressor):
    """Mean of the numbers of the k nearest training rows by the cosine of standardised features.

    Args:
        n_neighbors: k.
        weights: "distance" for weights of 1 / (cosine distance + 0.001), or "uniform".
        standardize: whether features are centred and scaled before the cosine.

    Source: Cover, Estimation by the nearest neighbor rule, IEEE Transactions on Information Theory 14 (1968).
    """

    name: ClassVar[str] = "neighbours_regression"
    cost_rank: ClassVar[int] = 4
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "rows_", "numbers_")

    def __init__(self, n_neighbors: int = 10, *, weights: str = "distance", standardize: bool = True) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.standardize = standardize

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the (n, d) rows, at unit length, and their (n,) numbers."""
        if self.n_neighbors < 1 or self.weights not in ("distance", "uniform"):
            raise InputError(
                "NeighboursRegression needs n_neighbors >= 1 and weights 'distance' or 'uniform', got "
                f"{self.n_neighbors!r}, {self.weights!r}. Change the setting."
            )
        X, self.numbers_, ones = self._begin_fit(X, y)
        scaling = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]))
        if self.standardize:
            scaling = fit_scaling(X, ones)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.rows_ = unit_rows(scaling(X, working_dtype(X)))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X = self._rows(X)
        queries = unit_rows(Scaling(self.mean_, self.scale_)(X, self.rows_.dtype))
        values = np.empty(len(X))
        for part, found, cosines in nearest(queries, self.rows_, self.n_neighbors):
            votes = vote_weights(cosines, self.weights)
            values[part] = (votes * self.numbers_[found]).sum(axis=1) / votes.sum(axis=1)
        return values
