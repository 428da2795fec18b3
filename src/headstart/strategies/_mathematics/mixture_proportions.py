"""Shares of known components in a mixture, by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 16_384
SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class Proportions:
    """Shares of the components and how good they are.

    Args:
        shares: (k,) non-negative, sum 1.
        log_likelihood: mean over the rows.
        gap: the mean log-likelihood is at most so far below the largest possible.
        n_iter: steps that were taken.
    """

    shares: NDArray[np.float64]
    log_likelihood: float
    gap: float
    n_iter: int


def fit_proportions(likelihoods: NDArray[Any], *, tol: float = 1e-9, max_iter: int = 200) -> Proportions:
    """Shares q that maximise ``mean_i log(sum_l q_l likelihoods[i, l])``, a concave problem.

    Newton steps whose quadratic models are solved over q >= 0; where one does not climb, a step of expectation
    and maximisation, which always does. The gap follows from the gradient.

    Args:
        likelihoods: (n, k) non-negative likelihood of each row under each component; a row may be scaled at will.
        tol: proven accuracy of the mean log-likelihood at which it stops.
        max_iter: steps after which it ends all the same.

    Source: Kim, Carbonetto, Stephens and Anitescu, A Fast Algorithm for Maximum Likelihood Estimation of Mixture
    Proportions Using Sequential Quadratic Programming, J. Computational and Graphical Statistics 29 (2020).
    """
    scale = np.maximum(likelihoods.max(axis=1), SMALLEST)  # (n,)
    rows = np.asarray(likelihoods / scale[:, None], dtype=np.float64)
    offset = float(np.log(scale).mean())
    shares = np.full(rows.shape[1], 1 / rows.shape[1])
    for number in range(max_iter + 1):
        mixed = np.maximum(rows @ shares, SMALLEST)  # (n,)
        ascent = (1 / mixed) @ rows / len(rows)  # (k,), at most 1 at the optimum
        gap = max(0.0, float(ascent.max()) - 1)
        if gap <= tol or number == max_iter:
            break
        step = _newton_point(rows, mixed, ascent, shares)
        climbed = None if step is None else _climb(rows, shares, step, float(np.log(mixed).mean()), ascent)
        shares = shares * ascent if climbed is None else climbed
        shares = shares / shares.sum()
    return Proportions(shares, offset + float(np.log(mixed).mean()), gap, number)


def _newton_point(
    rows: NDArray[np.float64], mixed: NDArray[np.float64], ascent: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """(k,) non-negative optimum of the quadratic model of ``sum(q) - mean log``, or None where it fails."""
    from scipy.linalg import LinAlgError, cholesky, solve_triangular
    from scipy.optimize import nnls

    bend = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), BLOCK_ROWS):
        part = rows[start : start + BLOCK_ROWS] / mixed[start : start + BLOCK_ROWS, None]
        bend += part.T @ part
    bend /= len(rows)
    ridge = 1e-10 * np.trace(bend) / len(bend)
    try:
        root = cholesky(bend + ridge * np.eye(len(bend)))  # upper
        target = solve_triangular(root, 2 * ascent - 1 + ridge * shares, trans="T")
        return np.asarray(nnls(root, target)[0])
    except (LinAlgError, RuntimeError, ValueError):
        return None


def _climb(
    rows: NDArray[np.float64],
    shares: NDArray[np.float64],
    goal: NDArray[np.float64],
    before: float,
    ascent: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """The first point on the way back from ``goal`` that is better than ``shares`` by enough, or None."""
    slope = float((ascent - 1) @ (goal - shares))
    length = 1.0
    while length > 1e-3 and slope > 0:
        tried = shares + length * (goal - shares)
        value = float(np.log(np.maximum(rows @ tried, SMALLEST)).mean()) - float(tried.sum()) + 1
        if value >= before + 1e-2 * length * slope:
            return tried
        length /= 2
    return None
