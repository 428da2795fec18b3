"""Structural correspondence learning: what predicts the columns that both domains share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.eigen import leading_vectors
from headstart.strategies.feature._alignment import Alignment, Codes


class SCL(Alignment):
    """Rows x to (x, scale x_rest T): T the k main directions of the predictors of pivot columns from the rest.

    Pivots are the columns that are large in both domains: by the smaller of their two mean squares. Predictors are
    ridge regressions on the centred rows of both domains, in closed form; memory is linear in the rows.

    Args:
        n_pivots: columns that are predicted; None takes a quarter of them.
        n_components: k; None takes 50 or what there is.
        ridge: penalty as a share of the mean variance of the columns, above 0.
        scale: of the new columns, as a multiple of the old ones' deviation.

    Source: Blitzer, McDonald and Pereira, Domain Adaptation with Structural Correspondence Learning, EMNLP 2006.
    """

    name: ClassVar[str] = "scl"
    is_symmetric: ClassVar[bool] = True

    def __init__(
        self, n_components: int | None = None, *, n_pivots: int | None = None, ridge: float = 0.1, scale: float = 1.0
    ) -> None:
        self.n_components = n_components
        self.n_pivots = n_pivots
        self.ridge = ridge
        self.scale = scale

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._check_settings(source.shape[1])
        d = source.shape[1]
        n_pivots = max(1, d // 4) if self.n_pivots is None else int(self.n_pivots)
        squares = [np.einsum("ij,ij->j", rows, rows, dtype=np.float64) / len(rows) for rows in (source, target)]
        pivots = np.sort(np.argsort(-np.minimum(*squares), kind="stable")[:n_pivots])
        self.rest_ = np.setdiff1d(np.arange(d), pivots)  # columns that are no pivots
        rows = np.concatenate([source, target])
        self.mean_ = rows.mean(axis=0, dtype=np.float64)
        centred = rows - self.mean_.astype(rows.dtype)
        scatter = (centred.T @ centred).astype(np.float64)
        level = float(np.trace(scatter)) / d or 1.0
        inner = scatter[np.ix_(self.rest_, self.rest_)] + self.ridge * level * np.eye(len(self.rest_))
        predictors = np.linalg.solve(inner, scatter[np.ix_(self.rest_, pivots)])  # (d - n_pivots, n_pivots)
        most = min(predictors.shape)
        k = min(50, most) if self.n_components is None else self._n_components(self.n_components, most)
        _, directions = leading_vectors(predictors @ predictors.T, k)
        inside = scatter[np.ix_(self.rest_, self.rest_)]
        spread = float(np.einsum("ij,ij->", directions, inside @ directions)) / k
        factor = self.scale * np.sqrt(level / spread) if spread > 0 else self.scale
        self.pivots_, self.directions_ = pivots, factor * directions

    def _map_source(self, X: Any) -> Any:
        rest: NDArray[Any] = X[:, self.rest_] - self.mean_[self.rest_].astype(X.dtype)
        return np.hstack([X, rest @ self.directions_.astype(X.dtype)])

    def _check_settings(self, d: int) -> None:
        self._at_least(ridge=1e-12, scale=0)
        if d < 2:
            raise InputError("SCL needs at least 2 columns, one to predict another, got 1 feature(s). Add columns.")
        if self.n_pivots is not None and not 1 <= self.n_pivots < d:
            raise InputError(f"SCL needs n_pivots from 1 to {d - 1}, got {self.n_pivots!r}. Change it.")
