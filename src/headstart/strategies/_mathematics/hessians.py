"""Positive semi-definite matrices that can be multiplied, and solved with once a diagonal is added."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.strategies._mathematics.accelerator import beside, fetched, is_tensor

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

    features: Any  # float32 or float64, or a tensor of float64; sums are float64
    diagonal: Vector  # (n,), not negative

    def times(self, vector: Vector) -> Vector:
        """(n,) product."""
        inner = self._summed(lambda part: self._beside(vector[part]) @ self.features[part])
        return np.asarray(self.diagonal * vector + self._spread(inner))

    def solver(self, diagonal: Vector) -> Callable[[Vector], Vector]:
        """By the identity of Woodbury, a Cholesky factor of m columns."""
        from scipy.linalg import cho_factor, cho_solve

        root = 1 / np.sqrt(self.diagonal + diagonal)  # (n,)

        def outer(part: slice) -> NDArray[np.float64]:
            scaled = self.features[part] * self._beside(root[part, None])
            return fetched(scaled.T @ scaled)

        factor = cho_factor(np.eye(self.features.shape[1]) + self._summed(outer), check_finite=False)

        def solve(right: Vector) -> Vector:
            scaled = root * right
            pulled = self._summed(lambda part: self._beside(root[part] * scaled[part]) @ self.features[part])
            pulled = cho_solve(factor, pulled, check_finite=False)
            return np.asarray(root * (scaled - root * self._spread(pulled)))

        return solve

    def _spread(self, inner: Vector) -> Vector:
        """(n,) product of the features with (m,) values."""
        return np.concatenate(mapped(lambda part: fetched(self.features[part] @ self._beside(inner)), self._parts()))

    def _summed(self, work: Callable[[slice], NDArray[Any]]) -> NDArray[np.float64]:
        total: Any = 0.0
        for value in mapped(work, self._parts()):
            total = total + fetched(value).astype(np.float64)
        return np.asarray(total)

    def _beside(self, values: NDArray[Any]) -> Any:
        return beside(values, self.features)

    def _parts(self) -> list[slice]:
        if is_tensor(self.features):
            return [slice(None)]
        return [slice(start, start + BLOCK_ROWS) for start in range(0, len(self.features), BLOCK_ROWS)]


def mapped(work: Callable[[slice], NDArray[Any]], parts: list[slice]) -> list[NDArray[Any]]:
    """``work`` of each part, one part on each core at a time, in order."""
    if len(parts) == 1:
        return [work(parts[0])]
    with ThreadPoolExecutor(min(len(parts), n_cores())) as pool:
        return list(pool.map(work, parts))
