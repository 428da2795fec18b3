"""The cheapest one-to-one assignment of rows to columns, begun from potentials that are nearly right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.kernels import CACHED_ELEMENTS

Matrix = NDArray[np.float64]

SMALL = 300
"""Rows up to which rough potentials would cost more than they save."""
ENTROPY = 0.03
"""Of the rough potentials, a share of the mean reduced cost."""
N_STEPS = 40


def least_assignment(costs: Matrix, *, overwrites: bool = False) -> NDArray[np.int64]:
    """(n,) column of each row, each column once, of least total over (n, n) costs.

    A number taken from all costs of a row or of a column leaves the best assignment what it is. Numbers from some
    entropic steps make the ways short that the exact solver looks for; it proves the optimum whatever they are.

    Args:
        costs: (n, n).
        overwrites: True where the costs are not needed afterwards, which saves a matrix.

    Source: Crouse, On Implementing 2D Rectangular Assignment Algorithms, IEEE Transactions on Aerospace and Electronic
    Systems 52 (2016), for the solver; Cuturi, Sinkhorn Distances, NIPS 2013, for the steps.
    """
    from scipy.optimize import linear_sum_assignment

    if len(costs) > SMALL:
        first, second = _rough_potentials(costs)
        reduced = costs if overwrites else np.empty(costs.shape)
        for part in _parts(len(costs)):
            np.subtract(costs[part], first[part, None], out=reduced[part])
            reduced[part] -= second
        costs = reduced
    return np.asarray(linear_sum_assignment(costs)[1], dtype=np.int64)


def _rough_potentials(costs: Matrix) -> tuple[Matrix, Matrix]:
    """Potentials of rows (n,) and columns (n,), from steps in float32 and as good as that is."""
    n = len(costs)
    first, lowest = np.empty(n), np.full(n, np.inf, dtype=np.float32)
    reduced = np.empty(costs.shape, dtype=np.float32)
    for part in _parts(n):
        first[part] = costs[part].min(axis=1)
        np.subtract(costs[part], first[part, None], out=reduced[part], casting="same_kind")
        np.minimum(lowest, reduced[part].min(axis=0), out=lowest)
    second = lowest.astype(np.float64)
    entropy = ENTROPY * float(reduced.mean(dtype=np.float64) - second.mean())
    if not entropy > 0:
        return first, second
    for part in _parts(n):
        reduced[part] -= lowest  # a 0 in every row and column
        reduced[part] *= np.float32(-1 / entropy)
        np.exp(reduced[part], out=reduced[part])
    moved = _entropic_steps(reduced)
    return (first, second) if moved is None else (first + entropy * moved[0], second + entropy * moved[1])


def _entropic_steps(kernel: NDArray[np.float32]) -> tuple[Matrix, Matrix] | None:
    """Logarithms of the scalings of rows and columns after some steps, or None where digits run out."""
    v: Any = np.ones(len(kernel), dtype=np.float32)
    with np.errstate(all="ignore"):
        for _ in range(N_STEPS):
            u = 1 / (kernel @ v)
            v = 1 / (u @ kernel)
        found = np.log(u.astype(np.float64)), np.log(v.astype(np.float64))
    return found if all(np.isfinite(part).all() for part in found) else None


def _parts(n: int) -> list[slice]:
    """Few rows at a time: every step on them finds them in the cache."""
    step = max(1, CACHED_ELEMENTS // max(1, n))
    return [slice(begin, begin + step) for begin in range(0, n, step)]
