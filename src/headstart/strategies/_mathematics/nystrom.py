"""Explicit features of a kernel from some of the rows; exact when all rows are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.accelerator import beside, is_tensor
from headstart.strategies._mathematics.kernels import Kernel

RELATIVE_CUTOFF = 1e-10
"""Directions of the landmarks' kernel below this share of the largest eigenvalue are left out."""
BLOCK_ELEMENTS = 2**24
"""Largest block of kernel values that is held at once."""


@dataclass(frozen=True, eq=False)
class Nystrom:
    """Features phi with phi(x).phi(y) close to k(x, y), and equal where x or y lies among the landmarks.

    Source: Williams and Seeger, Using the Nystrom Method to Speed Up Kernel Machines, NIPS 2000.
    """

    kernel: Kernel
    landmarks: NDArray[Any]  # (m, d)
    projection: NDArray[Any]  # (m, r) inverse square root of the landmarks' kernel

    @classmethod
    def of(cls, kernel: Kernel, X: NDArray[Any], n_landmarks: int, *, random_state: int | None = 0) -> Self:
        """From ``n_landmarks`` of the (n, d) rows, drawn without replacement, or from all of them."""
        rows = X
        if n_landmarks < len(X):
            rows = X[np.sort(np.random.default_rng(random_state).choice(len(X), n_landmarks, replace=False))]
        exact = rows.astype(np.float64)
        values, vectors = np.linalg.eigh(kernel(exact, exact))
        kept = values > RELATIVE_CUTOFF * max(values[-1], 1e-300)
        return cls(kernel, rows, vectors[:, kept] / np.sqrt(values[kept]))

    @property
    def n_features(self) -> int:
        """How many features a row gets."""
        return int(self.projection.shape[1])

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, r) features of the (n, d) rows, in their float type; a tensor where they are one."""
        shape, there = (len(X), self.n_features), is_tensor(X)
        found: Any = X.new_empty(shape) if there else np.empty(shape, dtype=X.dtype)  # type: ignore[attr-defined]
        projection = beside(self.projection, X) if there else self.projection.astype(X.dtype)
        landmarks = beside(self.landmarks, X)
        step = max(1, BLOCK_ELEMENTS // len(self.landmarks))
        for begin in range(0, len(X), step):
            found[begin : begin + step] = self.kernel(X[begin : begin + step], landmarks) @ projection
        return found  # type: ignore[no-any-return]
