"""The cheapest one-to-one assignment of rows to columns, over the few entries that can be in it, and proved."""

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
OPEN_EACH = 30
"""Entries a row that the assignment is looked for in at first."""
MOST_ROUNDS, MOST_LINKS = 10, 2_000
"""Rounds in which entries join, and links of a way between two columns; beyond them the dense solver does it."""
TOLERANCE = 1e-12
"""Of a proof, a share of the largest cost."""


def least_assignment(costs: Matrix, *, overwrites: bool = False) -> NDArray[np.int64]:
    """(n,) column of each row, each column once, of least total over (n, n) costs.

    A number taken from all costs of a row or of a column leaves the best assignment what it is. Numbers from some
    entropic steps leave small costs where the assignment is; over these entries it is found exactly. Its own numbers
    prove it where no entry beside them costs less than 0; those that do join.

    Args:
        costs: (n, n).
        overwrites: True where the costs are not needed afterwards, which saves a matrix.

    Source: Jonker and Volgenant, A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems,
    Computing 38 (1987), for the solver; Cuturi, Sinkhorn Distances, NIPS 2013, for the steps.
    """
    from scipy.optimize import linear_sum_assignment

    if len(costs) > SMALL:
        first, second = _rough_potentials(costs)
        reduced = costs if overwrites else np.empty(costs.shape)
        for part in _parts(len(costs)):
            np.subtract(costs[part], first[part, None], out=reduced[part])
            reduced[part] -= second
        costs = reduced
        found = _grown_assignment(costs)
        if found is not None:
            return found
    return np.asarray(linear_sum_assignment(costs)[1], dtype=np.int64)


def _grown_assignment(costs: Matrix) -> NDArray[np.int64] | None:
    """As :func:`least_assignment`, over few of the entries at first; None where that leads nowhere, as with many ties.

    Args:
        costs: (n, n), small where the assignment is.
    """
    from scipy.sparse import csr_array

    n = len(costs)
    level = TOLERANCE * max(float(costs.max()), -float(costs.min()))
    highest = np.quantile(costs[:: max(1, n // 100)], min(1.0, OPEN_EACH / n))
    rows, columns = np.nonzero(costs <= highest)
    for _ in range(MOST_ROUNDS):
        if len(rows) > 4 * OPEN_EACH * n:
            return None
        entries = csr_array((costs[rows, columns], (rows, columns)), shape=(n, n))
        found = _sparse_assignment(entries)
        second = None if found is None else _column_potentials(entries, found, level / 4)
        if found is None or second is None:
            return None
        first = costs[np.arange(n), found] - second[found]
        joins = _cheaper_than(costs, first, second, level)
        if not len(joins[0]):
            return found
        rows, columns = np.append(rows, joins[0]), np.append(columns, joins[1])
    return None


def _sparse_assignment(entries: Any) -> NDArray[np.int64] | None:
    """(n,) column of each row at the least total, or None where the entries hold no assignment."""
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    positive = entries.copy()
    positive.data += 1 - positive.data.min()  # the solver takes an entry of 0 for none
    try:
        return np.asarray(min_weight_full_bipartite_matching(positive)[1], dtype=np.int64)
    except ValueError:
        return None


def _column_potentials(entries: Any, found: NDArray[np.int64], level: float) -> Matrix | None:
    """(n,) potentials at which no open entry costs less than its row's own by more than ``level``, or None.

    Of each column the shortest way to it over the others, by Bellman and Ford: a link costs what a row pays more in
    its end than in the row's own column, where it begins.
    """
    links = entries.tocoo()
    own = entries[np.arange(len(found)), found]
    order = np.argsort(links.col, kind="stable")
    ends, begins = links.col[order], found[links.row[order]]
    lengths = (links.data - own[links.row])[order]
    starts = np.searchsorted(ends, np.arange(len(found)))
    reached: Matrix = np.zeros(len(found))
    for _ in range(MOST_LINKS):
        before = reached
        reached = np.minimum(before, np.minimum.reduceat(before[begins] + lengths, starts))
        if (before - reached).max() <= level:
            return reached
    return None


def _cheaper_than(costs: Matrix, first: Matrix, second: Matrix, level: float) -> tuple[NDArray[np.int64], ...]:
    """Rows and columns of the entries that cost less than the potentials of both by more than ``level``."""
    found = []
    for part in _parts(len(costs)):
        rows, columns = np.nonzero(costs[part] - first[part, None] - second < -level)
        found.append((rows + part.start, columns))
    return tuple(np.concatenate(each) for each in zip(*found, strict=True))


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
