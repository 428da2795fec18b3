"""Convex quadratics over a box whose sum is bounded, to a proven accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.hessians import Hessian

Vector = NDArray[np.float64]
Solve = Callable[[Vector], Vector]
Aims = tuple[Vector, Vector, Vector]
"""Wanted products of slack and multiplier: of the values from below and above, and of their sum's two ends."""
Direction = tuple[Vector, float, Vector, Vector, Vector, float]
"""Changes of the point, its sum, the multipliers below, above and of the sum's ends, and the tie."""

SHORTEST_STEP = 1e-9
MOST_CORRECTIONS, LONGER = 4, 0.3
"""Further solves with the same factor in a step, and how much longer each is to make it."""


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

    def least(self, gradient: Vector) -> float:
        """The least ``gradient @ v`` over the feasible ``v``."""
        ordered = np.sort(gradient)
        total = min(max(np.count_nonzero(ordered < 0) * self.upper, self.low), self.high)
        n_full = min(int(total / self.upper), len(ordered))
        rest = (total - n_full * self.upper) * ordered[n_full] if n_full < len(ordered) else 0.0
        return float(self.upper * ordered[:n_full].sum() + rest)


def minimise_box_quadratic(
    hessian: Hessian, linear: Vector, box: Box, *, tol: float = 1e-8, max_iter: int = 100
) -> BoxSolution:
    """Minimise ``w @ H @ w / 2 - linear @ w`` over ``box`` until the gap is at most ``tol * |objective|``.

    A primal-dual interior point method, each step of which solves with H plus a diagonal; every point on the way is
    feasible. The gap is that of Frank and Wolfe: an upper bound of the distance to the optimum, from the least of
    the linearised objective.

    Args:
        hessian: H, positive semi-definite.
        linear: (n,).
        box: the feasible set, with an inner point.
        tol: relative accuracy of the objective.
        max_iter: steps after which it ends all the same.

    Source: Mehrotra, On the Implementation of a Primal-Dual Interior Point Method, SIAM J. Optimization 2 (1992);
    Gondzio, Multiple Centrality Corrections, Computational Optimization and Applications 6 (1996); the gap of Jaggi,
    Revisiting Frank-Wolfe, ICML 2013.
    """
    state = _Interior(hessian, linear, box)
    best = state.judged(0)
    for number in range(1, max_iter + 1):
        if best.gap <= tol * abs(best.objective):
            break
        length = state.step()
        now = state.judged(number)
        best = now if now.gap <= best.gap else best
        if length < SHORTEST_STEP:  # rounding has the last word
            break
    return best


class _Interior:
    """A point inside, with a multiplier for each bound.

    The bounds are 2 n + 2: of the values from below and above, and of their sum t, which is a variable of its own tied
    to them by ``sum(w) = t`` with multiplier ``tie``. Where the sum is fixed, t is.
    """

    def __init__(self, hessian: Hessian, linear: Vector, box: Box) -> None:
        self.hessian, self.linear, self.box, n = hessian, linear, box, len(linear)
        self.is_fixed = box.high - box.low <= 1e-12 * max(1.0, box.high)
        self.point = np.full(n, min((box.low + box.high) / 2, 0.999 * n * box.upper) / n)
        self.total = float(self.point.sum())
        self.product = hessian.times(self.point)
        gradient = self.product - linear
        away = 0.1 * float(np.abs(gradient).mean()) + 1e-8
        self.below, self.above = np.maximum(gradient, 0) + away, np.maximum(-gradient, 0) + away
        self.ends = np.array([away, away])  # multipliers of t >= low and of t <= high
        self.tie = 0.0

    def judged(self, n_iter: int) -> BoxSolution:
        gradient = self.product - self.linear
        gap = float(gradient @ self.point) - self.box.least(gradient)
        objective = float(self.point @ self.product) / 2 - float(self.linear @ self.point)
        return BoxSolution(self.point, objective, max(gap, 0.0), n_iter)

    def step(self) -> float:
        """Predictor, corrector, and as far as the bounds allow; returns the length, 0..1."""
        room = self.box.upper - self.point
        diagonal = self.below / self.point + self.above / room
        solve = self.hessian.solver(diagonal)
        self.of_ones = solve(np.ones(len(self.point)))
        nothing = np.zeros(len(self.point)), np.zeros(len(self.point)), np.zeros(2)
        ahead = self._direction(solve, nothing)
        length = self._length(ahead)
        mean = self._complementarity(ahead, 0.0)
        aim = (self._complementarity(ahead, length) / mean) ** 3 * mean
        move, total, below, above, ends, _ = ahead
        second = (
            aim - move * below,
            aim + move * above,
            aim - np.array([total, -total]) * ends,
        )
        direction, length = self._centred(solve, second, aim)
        self._move(direction, 0.995 * length if length < 1 else 1.0)
        return length

    def _centred(self, solve: Solve, aims: Aims, aim: float) -> tuple[Direction, float]:
        """The step towards ``aims``, lengthened as long as that helps by drawing in products that would end far off."""
        direction = self._direction(solve, aims)
        length = self._length(direction)
        for _ in range(MOST_CORRECTIONS):
            if length > 0.95:
                break
            wished = min(1.0, length + LONGER)
            strays = [np.clip(v, 0.1 * aim, 10 * aim) - v for v in self._products(direction, wished)]
            aims = tuple(a + np.maximum(stray, -10 * aim) for a, stray in zip(aims, strays, strict=True))  # type: ignore[assignment]
            tried = self._direction(solve, aims)
            reached = self._length(tried)
            if reached < length + 0.1 * LONGER:
                break
            direction, length = tried, reached
        return direction, length

    def _products(self, direction: Direction, length: float) -> Aims:
        """Slack times multiplier of every bound, so far along the direction."""
        move, total, below, above, ends, _ = direction
        point = self.point + length * move
        spare = self._spare() + length * np.array([total, -total])
        return (
            point * (self.below + length * below),
            (self.box.upper - point) * (self.above + length * above),
            spare * (self.ends + length * ends),
        )

    def _direction(self, solve: Solve, aims: Aims) -> Direction:
        """Newton's step in w, t, the multipliers and the tie, towards the products ``aims`` of slack and multiplier."""
        room = self.box.upper - self.point
        spare = self._spare()
        wanted = aims[0] / self.point - self.below, aims[1] / room - self.above
        dual = self.product - self.linear + self.tie - self.below + self.above
        right = wanted[0] - wanted[1] - dual
        plain = solve(right)
        primal = float(self.point.sum()) - self.total
        if self.is_fixed:
            tie, total = (float(plain.sum()) + primal) / float(self.of_ones.sum()), 0.0
            ends = np.zeros(2)
        else:
            bend = float((self.ends / spare).sum())
            of_ends = aims[2] / spare - self.ends
            push = float(self.tie + self.ends[0] - self.ends[1] + of_ends[0] - of_ends[1])
            tie = (float(plain.sum()) - push / bend + primal) / (float(self.of_ones.sum()) + 1 / bend)
            total = (push + tie) / bend
            ends = of_ends - self.ends / spare * np.array([total, -total])
        move = plain - self.of_ones * tie
        below = wanted[0] - self.below / self.point * move
        above = wanted[1] + self.above / room * move
        return move, total, below, above, ends, tie

    def _spare(self) -> Vector:
        return np.asarray(np.maximum(np.array([self.total - self.box.low, self.box.high - self.total]), 1e-300))

    def _length(self, direction: Direction) -> float:
        move, total, below, above, ends, _ = direction
        pairs = [(self.point, move), (self.box.upper - self.point, -move), (self.below, below), (self.above, above)]
        if not self.is_fixed:
            pairs += [(self._spare(), np.array([total, -total])), (self.ends, ends)]
        longest = 1.0
        for value, change in pairs:
            falling = change < 0
            if falling.any():
                longest = min(longest, float((-value[falling] / change[falling]).min()))
        return longest

    def _complementarity(self, direction: Direction, length: float) -> float:
        """Mean product of slack and multiplier, so far along the direction."""
        values, others, ends = self._products(direction, length)
        total, n = float(values.sum() + others.sum()), 2 * len(values)
        return total / n if self.is_fixed else (total + float(ends.sum())) / (n + 2)

    def _move(self, direction: Direction, length: float) -> None:
        move, total, below, above, ends, tie = direction
        self.point = self.point + length * move
        self.total += length * total
        self.below, self.above = self.below + length * below, self.above + length * above
        self.ends, self.tie = self.ends + length * ends, self.tie + length * tie
        self.product = self.hessian.times(self.point)
