"""Labels of domains drawn anew, and how often they part the rows as much as the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def permuted_domains(n_source: int, n_target: int, n_permutations: int, random_state: int) -> NDArray[np.bool_]:
    """(n_source + n_target, 1 + n_permutations) True for source rows; the first column is the truth."""
    rng, n = np.random.default_rng(random_state), n_source + n_target
    marks = np.zeros((n, 1 + n_permutations), dtype=bool)
    marks[:n_source] = True
    for column in range(1, marks.shape[1]):
        marks[:, column] = marks[rng.permutation(n), 0]
    return marks


def p_value(statistics: Any) -> float:
    """Share of all statistics, the true one first, that are as large as the true one (within rounding).

    Source: Phipson and Smyth, Permutation P-values Should Never Be Zero, 2010.

    >>> p_value([3.0, 1.0, 2.0, 3.0])
    0.5
    """
    known = np.asarray(statistics, dtype=np.float64)
    slack = 1e-10 * max(1e-300, float(np.abs(known).max()))
    return float(np.mean(known >= known[0] - slack))


def sums_within(matrix: Float, marks: NDArray[np.bool_]) -> tuple[Float, Float, Float]:
    """Sums of a symmetric (N, N) matrix over pairs of two source rows, two target rows, and one of each.

    Args:
        matrix: (N, N).
        marks: (N, b) True for source rows.

    Returns:
        Three (b,) arrays; the first two count each ordered pair, the third each pair once.
    """
    is_source = marks.astype(np.float64)
    products = matrix @ is_source  # (N, b)
    of_source = np.einsum("ij,ij->j", is_source, products)
    between = products.sum(axis=0) - of_source
    of_target = matrix.sum() - of_source - 2 * between
    return of_source, of_target, between
