"""How much of a covariance to replace by a multiple of the identity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ledoit_wolf_shrinkage(
    Z: NDArray[np.float64], covariance: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """The share of identity with the least expected squared error, for centred (n, d) rows counted by weights."""
    fourth = float(weights @ np.square((Z**2).sum(axis=1)))
    return shrinkage_by_moments(fourth / weights.sum(), covariance, weights.sum())


def shrinkage_by_moments(fourth: float, covariance: NDArray[np.float64], total: float) -> float:
    """The same, from sums over the rows.

    Args:
        fourth: mean of the fourth power of the centred rows' lengths.
        covariance: (d, d) of these rows.
        total: how many rows there are, counted by weights.
    """
    d = len(covariance)
    level = np.trace(covariance) / d
    squared = float((covariance**2).sum())
    spread = squared / d - level**2  # distance of the covariance from the identity
    noise = (fourth - squared) / (total * d)
    return 1.0 if spread <= 0 else float(np.clip(noise / spread, 0, 1))
