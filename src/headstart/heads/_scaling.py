"""Standardised features, and the rotation into their principal axes where solving is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 4096
SMALL_ELEMENTS = 1_000_000
"""Up to here everything is computed in float64: speed does not matter."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Features to mean 0 and deviation 1; constant features become 0."""

    mean: NDArray[np.float64]  # (d,)
    scale: NDArray[np.float64]  # (d,)

    def __call__(self, X: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """(n, d) standardised rows."""
        result = np.empty(X.shape, dtype=dtype)
        for start in range(0, len(X), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            result[part] = (X[part] - self.mean) / self.scale
        return result


def fit_scaling(X: NDArray[Any], weights: NDArray[np.float64], *, standardize: bool) -> Scaling:
    """The weighted mean and deviation of (n, d) rows; only the mean without ``standardize``."""
    share = weights / weights.sum()
    mean, square = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for start in range(0, len(X), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        mean += share[part] @ X[part].astype(np.float64)
    if not standardize:
        return Scaling(mean, np.ones(X.shape[1]))
    for start in range(0, len(X), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        square += share[part] @ np.square(X[part] - mean)
    scale = np.sqrt(square)
    scale[scale <= 1e-7 * np.maximum(np.abs(mean), 1e-30)] = 1.0
    return Scaling(mean, scale)


def working_dtype(X: NDArray[Any]) -> Any:
    """float64 for small data, float32 where the products take the time."""
    return np.float64 if X.size <= SMALL_ELEMENTS else np.float32


def principal_axes(Z: NDArray[Any]) -> NDArray[np.float64]:
    """(d, r) orthonormal axes that span the rows of (n, d) ``Z``, r <= min(n, d), the longest first.

    An L2-penalised linear model has its weights in that span, so solving for r of them loses nothing.
    """
    n, d = Z.shape
    if d <= n:
        values, axes = np.linalg.eigh((Z.T @ Z).astype(np.float64))
        return np.asarray(axes[:, ::-1])
    wide = Z.astype(np.float64)
    if Z.size <= SMALL_ELEMENTS:
        _, lengths, axes = np.linalg.svd(wide, full_matrices=False)
        return np.asarray(axes[lengths > 1e-13 * max(lengths[0], 1e-300)].T)
    values, left = np.linalg.eigh(wide @ wide.T)
    lengths = np.sqrt(np.maximum(values, 0))
    kept = np.flatnonzero(lengths > 1e-5 * lengths[-1])[::-1]
    return np.asarray(wide.T @ (left[:, kept] / lengths[kept]))
