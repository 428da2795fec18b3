"""Means, covariances and principal axes of a domain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import beside, fetched, placed
from headstart.strategies._mathematics.mmd_matrix import BLOCK_ROWS


def mean_and_covariance(rows: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(d,) mean and (d, d) covariance (divided by n - 1) of (n, d) rows, in float64."""
    mean = rows.mean(axis=0, dtype=np.float64)
    middle, scatter = mean.astype(rows.dtype), np.zeros((len(mean), len(mean)))
    for begin in range(0, len(rows), BLOCK_ROWS):  # no second array as long as the rows
        block = placed(rows[begin : begin + BLOCK_ROWS], float(rows.size) * len(mean))
        centred = block - beside(middle, block)
        scatter += fetched(centred.T @ centred)
    return mean, scatter / max(len(rows) - 1, 1)


def lifted(covariance: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    """The covariance plus ``amount`` on its diagonal."""
    return np.asarray(covariance + amount * np.eye(len(covariance)))


def mean_variance(*covariances: NDArray[np.float64]) -> float:
    """Mean of the diagonals; 1 where all is constant."""
    level = float(np.mean([np.trace(matrix) / len(matrix) for matrix in covariances]))
    return level if level > 0 else 1.0


def check_not_constant(who: str, **domains: NDArray[Any]) -> None:
    """Raise one line for a domain whose rows are all the same."""
    for what, rows in domains.items():
        if not np.ptp(rows, axis=0).any():
            raise InputError(
                f"{who} needs rows that differ in {what}, got constant columns alone. Add rows or columns."
            )


def principal_axes(rows: NDArray[Any], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(d,) mean and (d, k) orthonormal axes of largest variance of (n, d) rows; k at most min(n - 1, d).

    Through the smaller of the two Gram matrices, in float64.
    """
    from headstart.strategies._mathematics.eigen import leading_vectors, signed

    n, d = rows.shape
    mean = rows.mean(axis=0, dtype=np.float64)
    if d <= n:
        _, covariance = mean_and_covariance(rows)
        return mean, leading_vectors(covariance, k)[1]
    centred = rows - mean
    _, left = leading_vectors(centred @ centred.T, k)
    axes, _ = np.linalg.qr(centred.T @ left)
    return mean, signed(axes)
