"""Optimal transport between two sets of rows: exact, and with entropy in the logarithmic domain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.accelerator import beside, fetched, namespace, placed
from headstart.strategies._mathematics.assignment import least_assignment

Matrix = NDArray[np.float64]

WHOLE_PROGRAM = 4_000
"""Plans up to so many entries are one linear program; larger ones grow it column by column."""
TOLERANCE = 1e-9
USUAL_STEPS = 100
"""Steps that Sinkhorn's iteration may be thought to take, where it is weighed whether to make them elsewhere."""
ABSORB_EVERY = 25
"""Steps of which one is made in the logarithmic domain."""
SMOOTHING = 1e-6
"""Mass added under the roots of the class penalty, as a share of a column's."""


def exact_plan(costs: Matrix, *, overwrites: bool = False) -> Any:
    """(n, m) sparse plan of least cost from uniform masses 1 / n to uniform masses 1 / m.

    As many rows as columns are an assignment. Otherwise the linear program over few entries is solved and entries of
    negative reduced cost join until there is none, which proves the optimum of the whole. With ``overwrites`` the
    costs may be changed.
    """
    from scipy.sparse import csr_array

    n, m = costs.shape
    if n == m:
        return csr_array(
            (np.full(n, 1 / n), (np.arange(n), least_assignment(costs, overwrites=overwrites))), shape=(n, m)
        )
    is_open = np.ones((n, m), dtype=bool) if n * m <= WHOLE_PROGRAM else _likely(costs)
    level = TOLERANCE * max(float(np.abs(costs).max()), 1e-300)
    while True:
        plan, first, second = _program(costs, is_open)
        reduced = costs - first[:, None] - second
        reduced[is_open] = 0
        if reduced.min() >= -level:
            return plan
        worst = np.argsort(reduced, axis=1)[:, :10]
        joins = np.zeros_like(is_open)
        np.put_along_axis(joins, worst, True, axis=1)
        is_open |= joins & (reduced < -level)


def _likely(costs: Matrix) -> NDArray[np.bool_]:
    """(n, m) the nearest of each row and column, and the entries of one plan, so that there is a solution."""
    n, m = costs.shape
    is_open = np.zeros((n, m), dtype=bool)
    np.put_along_axis(is_open, np.argpartition(costs, min(10, m - 1), axis=1)[:, :10], True, axis=1)
    np.put_along_axis(is_open, np.argpartition(costs, min(10, n - 1), axis=0)[:10], True, axis=0)
    cuts = np.union1d(np.arange(n) * m, np.arange(m) * n)  # masses laid end to end, in units of 1 / (n m)
    is_open[cuts // m, cuts // n] = True
    return is_open


def _program(costs: Matrix, is_open: NDArray[np.bool_]) -> tuple[Any, Matrix, Matrix]:
    """The plan over the open entries, and the potentials of rows (n,) and columns (m,)."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    n, m = costs.shape
    rows, columns = np.nonzero(is_open)
    entries = np.arange(len(rows))
    ones = np.ones(2 * len(rows))
    sums = csr_array((ones, (np.r_[rows, n + columns], np.r_[entries, entries])), shape=(n + m, len(rows)))
    masses = np.r_[np.full(n, m), np.full(m, n)]  # whole numbers: as many digits as there are
    found = linprog(costs[rows, columns], A_eq=sums, b_eq=masses, method="highs")
    kept = found.x > 0
    plan = csr_array((found.x[kept] / (n * m), (rows[kept], columns[kept])), shape=(n, m))
    return plan, found.eqlin.marginals[:n], found.eqlin.marginals[n:]


def sinkhorn(
    costs: Matrix,
    entropy: float,
    *,
    relaxation: float = np.inf,
    n_iterations: int = 1000,
    tolerance: float = 1e-9,
    start: Matrix | None = None,
) -> tuple[Matrix, Matrix]:
    """Potentials f (n,) and g (m,) of the plan exp((f + g - costs) / entropy) / (n m), in the logarithmic domain.

    Args:
        costs: (n, m).
        entropy: weight of the entropy, above 0, in the unit of the costs.
        relaxation: weight of the Kullback-Leibler divergence of the plan's sums from uniform masses; infinite holds
            them.
        n_iterations: at most.
        tolerance: ends where no potential moves by more than so many entropies.
        start: (m,) potentials g to begin from, or None.

    Source: Cuturi, Sinkhorn Distances, NIPS 2013; Chizat, Peyre, Schmitzer and Vialard, Scaling Algorithms for
    Unbalanced Optimal Transport Problems, Mathematics of Computation 87 (2018).
    """
    n, m = costs.shape
    damping = 1.0 if np.isinf(relaxation) else relaxation / (relaxation + entropy)
    scaled = placed(costs, float(n) * m * USUAL_STEPS) / -entropy
    f, g = (
        beside(np.zeros(n), scaled),
        beside(np.zeros(m) if start is None else start / entropy, scaled),
    )  # in entropies
    for done in range(n_iterations):
        if damping == 1 and done % ABSORB_EVERY == 1:
            f, g = _scaled_steps(scaled, f, g, min(ABSORB_EVERY, n_iterations - done) - 1)
        elif damping == 1 and done % ABSORB_EVERY > 1:
            continue  # these steps were made together
        before = f
        f = -damping * (_log_sum(scaled + g, axis=1) - np.log(m))
        g = -damping * (_log_sum(scaled + f[:, None], axis=0) - np.log(n))
        if abs(f - before).max() < tolerance:
            break
    return fetched(f * entropy), fetched(g * entropy)


def _scaled_steps(scaled: Matrix, f: Matrix, g: Matrix, n_steps: int) -> tuple[Matrix, Matrix]:
    """Potentials after so many steps on the plan itself, which need no logarithm; as they came where digits run out."""
    xp = namespace(scaled)
    plan = xp.exp(scaled + f[:, None] + g)  # sums to 1 / n and 1 / m once it is found, times n m
    n, m = plan.shape
    second = beside(np.ones(m), plan)
    with np.errstate(all="ignore"):
        for _ in range(n_steps):
            first = m / (plan @ second)
            second = n / (first @ plan)
        moved = f + xp.log(first), g + xp.log(second)
    return moved if all(xp.isfinite(part).all() for part in moved) else (f, g)


def plan_of(costs: Matrix, f: Matrix, g: Matrix, entropy: float) -> Matrix:
    """(n, m) plan of the potentials."""
    return np.asarray(np.exp((f[:, None] + g - costs) / entropy) / costs.size)


def _log_sum(values: Any, axis: int) -> Any:
    xp = namespace(values)
    top = xp.amax(values, axis=axis, keepdims=True)
    sums = xp.exp(values - top).sum(axis=axis)
    return xp.log(sums) + xp.squeeze(top, axis)


def class_transport(
    costs: Matrix, codes: NDArray[np.int64], entropy: float, class_weight: float, *, n_rounds: int = 10
) -> Matrix:
    """(n, m) plan that sends rows of different classes to different columns.

    It lowers <plan, costs> + entropy KL + class_weight sum over columns and classes of the root of the class's mass
    in the column, by replacing the roots, which are concave, with their tangents in every round.

    Args:
        costs: (n, m).
        codes: (n,) classes of the rows.
        entropy: above 0.
        class_weight: 0 or more, in the unit of the costs.
        n_rounds: rounds of tangents.

    Source: Courty, Flamary, Tuia and Rakotomamonjy, Optimal Transport for Domain Adaptation, IEEE TPAMI 39 (2017),
    section 4.
    """
    belongs = (codes == np.unique(codes)[:, None]).astype(np.float64)  # (n_classes, n)
    f, g = sinkhorn(costs, entropy)
    plan = plan_of(costs, f, g, entropy)
    n_rounds = n_rounds if class_weight > 0 else 0
    for done in range(1, n_rounds + 1):
        masses = belongs @ plan  # (n_classes, m)
        slopes = 0.5 / np.sqrt(masses + SMOOTHING / plan.shape[1])
        tilted = costs + class_weight / np.sqrt(plan.shape[1]) * (belongs.T @ slopes)
        is_last = done == n_rounds  # the others only lead there
        f, g = sinkhorn(
            tilted, entropy, start=g, n_iterations=1000 if is_last else 100, tolerance=1e-9 if is_last else 1e-7
        )
        plan = plan_of(tilted, f, g, entropy)
    return plan
