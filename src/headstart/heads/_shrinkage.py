"""How much of a covariance to replace by a multiple of the identity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ledoit_wolf_shrinkage(
    Z: NDArray[np.float64], covariance: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """The share of identity with the least expected squared error, for centred (n, d) rows counted by weights."""
    n, d = weights.sum(), len(covariance)
    level = np.trace(covariance) / d
    squared = float((covariance**2).sum())
    spread = squared / d - level**2  # distance of the covariance from the identity
    noise = (float(weights @ (Z**2).sum(axis=1) ** 2) / n - squared) / (n * d)
    return 1.0 if spread <= 0 else float(np.clip(noise / spread, 0, 1))
