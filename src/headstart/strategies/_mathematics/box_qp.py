"""Convex quadratics over a box whose sum is bounded, to a proven accuracy, given only products with the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Product = Callable[[Vector], Vector]

LOOK_EVERY = 10
"""Steps between two looks at the gap."""


@dataclass(frozen=True, eq=False)
class BoxSolution:
    """Where it ended, and how near the optimum that is.

    Args:
        point: (n,) in the feasible set.
        objective: its value there.
        gap: the objective is at most so far above the optimum.
        n_iter: steps that were taken.
    """

    point: Vector
    objective: float
    gap: float
    n_iter: int


@dataclass(frozen=True)
class Box:
    """``0 <= w <= upper`` with ``low <= sum(w) <= high``.

    Args:
        upper: of each value.
        low: of the sum.
        high: of the sum.
    """

    upper: float
    low: float
    high: float

    def project(self, point: Vector) -> Vector:
        """(n,) nearest feasible point."""
        result = np.clip(point, 0, self.upper)
        total = float(result.sum())
        if self.low <= total <= self.high:
            return np.asarray(result)
        return self._shifted(point, self.low if total < self.low else self.high)

    def _shifted(self, point: Vector, total: float) -> Vector:
        """``clip(point - shift)`` that sums to ``total``: Newton on a piecewise linear function, kept in a bracket."""
        low, high = float(point.min()) - self.upper, float(point.max())
        shift = 0.0 if low < 0.0 < high else (low + high) / 2
        for _ in range(100):
            moved = point - shift
            result = np.clip(moved, 0, self.upper)
            excess = float(result.sum()) - total
            if abs(excess) <= 1e-12 * max(1.0, total):
                break
            low, high = (shift, high) if excess > 0 else (low, shift)
            n_free = int(np.count_nonzero((moved > 0) & (moved < self.upper)))
            step = shift + excess / n_free if n_free else np.inf
            shift = step if low < step < high else (low + high) / 2
        return np.asarray(result)

    def least(self, gradient: Vector) -> float:
        """The least ``gradient @ v`` over the feasible ``v``."""
        ordered = np.sort(gradient)
        total = min(max(np.count_nonzero(ordered < 0) * self.upper, self.low), self.high)
        n_full = min(int(total / self.upper), len(ordered))
        rest = (total - n_full * self.upper) * ordered[n_full] if n_full < len(ordered) else 0.0
        return float(self.upper * ordered[:n_full].sum() + rest)


def minimise_box_quadratic(
    times: Product,
    linear: Vector,
    box: Box,
    *,
    start: Vector | None = None,
    tol: float = 1e-7,
    max_iter: int = 5000,
) -> BoxSolution:
    """Minimise ``w @ H @ w / 2 - linear @ w`` over ``box`` until the gap is at most ``tol * |objective|``.

    Accelerated projected gradient, restarted where the momentum points uphill; one product a step. The gap is that of
    Frank and Wolfe: an upper bound of the distance to the optimum, from the least of the linearised objective.

    Args:
        times: the product of the positive semi-definite H with a vector.
        linear: (n,).
        box: the feasible set, not empty.
        start: (n,) where to begin; default: all alike.
        tol: relative accuracy of the objective.
        max_iter: steps after which it ends all the same.

    Source: Beck and Teboulle, SIAM J. Imaging Sciences 2 (2009); restarts of O'Donoghue and Candes, Foundations of
    Computational Mathematics 15 (2015); the gap of Jaggi, ICML 2013.
    """
    n = len(linear)
    point = box.project(np.full(n, (box.low + box.high) / 2 / n) if start is None else start)
    product = times(point)
    best = _judged(point, product, linear, box, 0)
    ahead, ahead_product, momentum = point, product, 1.0
    steepness = _largest_eigenvalue(times, n)
    for number in range(1, max_iter + 1):
        if best.gap <= tol * abs(best.objective) or steepness == 0:
            break
        gradient = ahead_product - linear
        following = box.project(ahead - gradient / steepness)
        following_product = times(following)
        step = following - ahead
        bend = float(step @ (following_product - ahead_product))
        if bend > 1.001 * steepness * float(step @ step):
            steepness *= 1.5
            ahead, ahead_product, momentum = point, product, 1.0
            continue
        if float(step @ (following - point)) < 0:  # momentum against the slope
            momentum = 1.0
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        share = (momentum - 1) / grown
        ahead = following + share * (following - point)
        ahead_product = following_product + share * (following_product - product)
        point, product, momentum = following, following_product, grown
        if number % LOOK_EVERY == 0 or number == max_iter:
            now = _judged(point, product, linear, box, number)
            best = now if now.gap <= best.gap else best
    return best


def _judged(point: Vector, product: Vector, linear: Vector, box: Box, n_iter: int) -> BoxSolution:
    gradient = product - linear
    gap = float(gradient @ point) - box.least(gradient)
    return BoxSolution(point, float(point @ product) / 2 - float(linear @ point), max(gap, 0.0), n_iter)


def _largest_eigenvalue(times: Product, n: int, n_steps: int = 15) -> float:
    """A little above the largest eigenvalue, by power iteration."""
    vector: Any = 1 + 0.1 * np.random.default_rng(0).standard_normal(n)
    value = 0.0
    for _ in range(n_steps):
        vector = vector / np.linalg.norm(vector)
        product = times(vector)
        value, vector = float(vector @ product), product
        if not value > 0:
            return 0.0
    return 1.02 * value
