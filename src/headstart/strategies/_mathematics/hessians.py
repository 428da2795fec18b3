"""Positive semi-definite matrices that can be multiplied, and solved with once a diagonal is added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
BLOCK_ROWS = 16_384


class Hessian(Protocol):
    """What a solver of quadratic programmes asks for."""

    def times(self, vector: Vector) -> Vector:
        """(n,) product."""

    def solver(self, diagonal: Vector) -> Callable[[Vector], Vector]:
        """Solves with the matrix plus (n,) positive ``diagonal``."""


@dataclass(frozen=True, eq=False)
class DenseHessian:
    """An (n, n) matrix that is held whole."""

    matrix: NDArray[np.float64]

    def times(self, vector: Vector) -> Vector:
        """(n,) product."""
        return np.asarray(self.matrix @ vector)

    def solver(self, diagonal: Vector) -> Callable[[Vector], Vector]:
        """Cholesky: n^3 / 3 operations."""
        from scipy.linalg import cho_factor, cho_solve

        factor = cho_factor(self.matrix + np.diag(diagonal), overwrite_a=True, check_finite=False)
        return lambda right: np.asarray(cho_solve(factor, right, check_finite=False))


@dataclass(frozen=True, eq=False)
class LowRankHessian:
    """``features @ features.T + diag(diagonal)`` with (n, m) features: n m^2 operations a solve, memory n m."""

    features: NDArray[Any]  # float32 or float64; sums are float64
    diagonal: Vector  # (n,), not negative

    def times(self, vector: Vector) -> Vector:
        """(n,) product."""
        result = self.diagonal * vector
        inner = np.zeros(self.features.shape[1])
        for part in self._parts():
            inner += vector[part].astype(self.features.dtype) @ self.features[part]
        inner = inner.astype(self.features.dtype)
        for part in self._parts():
            result[part] += self.features[part] @ inner
        return np.asarray(result)

    def solver(self, diagonal: Vector) -> Callable[[Vector], Vector]:
        """By the identity of Woodbury, a Cholesky factor of m columns."""
        from scipy.linalg import cho_factor, cho_solve

        root = 1 / np.sqrt(self.diagonal + diagonal)  # (n,)
        inner = np.eye(self.features.shape[1])
        for part in self._parts():
            scaled = self.features[part] * root[part, None]
            inner += scaled.T @ scaled
        factor = cho_factor(inner, check_finite=False)

        def solve(right: Vector) -> Vector:
            scaled = root * right
            pulled = np.zeros(len(inner))
            for part in self._parts():
                pulled += (root[part] * scaled[part]) @ self.features[part]
            pulled = cho_solve(factor, pulled, check_finite=False)
            for part in self._parts():
                scaled[part] -= root[part] * (self.features[part] @ pulled)
            return np.asarray(root * scaled)

        return solve

    def _parts(self) -> list[slice]:
        return [slice(start, start + BLOCK_ROWS) for start in range(0, len(self.features), BLOCK_ROWS)]
