"""The Gaussian kernel between two sets of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK_ELEMENTS = 8_000_000
"""Kernel values held at a time in prediction."""


def squared_distances(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_left, n_right) squared distances, never below 0."""
    product = -2 * (left @ right.T)
    product += np.einsum("ij,ij->i", left, left)[:, None]
    product += np.einsum("ij,ij->i", right, right)
    return np.asarray(np.maximum(product, 0, out=product))


def gaussian(left: NDArray[np.float64], right: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """(n_left, n_right) kernel values ``exp(-gamma |z - z'|^2)``."""
    distances = squared_distances(left, right)
    distances *= -gamma
    return np.asarray(np.exp(distances, out=distances))
