"""Generalised symmetric eigenproblems: the whole decomposition where it is small, Lanczos where it is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

LANCZOS_FROM = 1500
"""Unknowns from which Lanczos is tried, where few of the vectors are asked for."""

Matrix = NDArray[np.float64]


def constrained_minimum(cost: Matrix, spread: Matrix, k: int, *, solver: str = "auto") -> tuple[Matrix, Matrix]:
    """The V that minimises tr(V' cost V) subject to V' spread V = I, and its k costs, ascending.

    The pencil (spread, cost) is solved, whose right side is the definite one: ``spread`` is singular when rows are
    centred.

    Args:
        cost: (r, r) symmetric, positive definite.
        spread: (r, r) symmetric, positive semi-definite.
        k: number of columns of V; fewer come back where ``spread`` has a lower rank.
        solver: "dense", "lanczos" or "auto", which chooses by size.

    Returns:
        costs (k,), and V (r, k), each column with its largest entry positive.
    """
    if solver not in ("auto", "dense", "lanczos"):
        raise InputError(f"Eigen solver needs a name out of 'auto', 'dense', 'lanczos', got {solver!r}. Use 'auto'.")
    r = len(cost)
    k = min(k, r)
    is_large = r >= LANCZOS_FROM and 10 * k < r
    if solver == "lanczos" and k < r or solver == "auto" and is_large:
        gains, vectors = _lanczos(spread, cost, k)
    else:
        from scipy.linalg import eigh

        gains, vectors = eigh(spread, cost, subset_by_index=(r - k, r - 1))
    gains, vectors = gains[::-1], vectors[:, ::-1]
    kept = gains > 1e-12 * max(float(gains[0]), 1e-300)
    gains, vectors = gains[kept], vectors[:, kept]
    return 1 / gains, signed(vectors / np.sqrt(gains))


def leading_vectors(matrix: Matrix, k: int) -> tuple[Matrix, Matrix]:
    """The k largest eigenvalues (k,), falling, of a symmetric (r, r) matrix, and their vectors (r, k), signed."""
    from scipy.linalg import eigh

    r = len(matrix)
    k = min(k, r)
    values, vectors = eigh(matrix, subset_by_index=(r - k, r - 1))
    return values[::-1], signed(vectors[:, ::-1])


def signed(vectors: Matrix) -> Matrix:
    """Columns turned so that the largest entry of each is positive: one answer where there are two."""
    if vectors.size == 0:
        return vectors
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return np.asarray(vectors * np.where(largest < 0, -1.0, 1.0))


def _lanczos(spread: Matrix, cost: Matrix, k: int) -> tuple[Matrix, Matrix]:
    """Ascending gains (k,) and vectors (r, k) of spread v = gain cost v, with v' cost v = 1."""
    from scipy.linalg import cho_factor, solve_triangular
    from scipy.sparse.linalg import LinearOperator, eigsh

    factor = np.triu(cho_factor(cost)[0])

    def whitened(v: Matrix) -> Matrix:
        inner = solve_triangular(factor, v)
        return np.asarray(solve_triangular(factor, spread @ inner, trans="T"))

    operator = LinearOperator(cost.shape, matvec=whitened, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(len(cost))  # fixed: the same vectors every time
    gains, vectors = eigsh(operator, k=k, which="LA", v0=start, tol=1e-12)
    order = np.argsort(gains)
    return gains[order], np.asarray(solve_triangular(factor, vectors[:, order]))


def symmetric_power(matrix: Matrix, power: float, *, cutoff: float = 1e-12) -> Matrix:
    """A power of a symmetric positive semi-definite (d, d) matrix; directions below ``cutoff`` are sent to 0."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > cutoff * max(float(values[-1]), 1e-300)
    vectors = vectors[:, kept]
    return np.asarray((vectors * values[kept] ** power) @ vectors.T)
