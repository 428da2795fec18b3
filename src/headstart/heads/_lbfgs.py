"""Preconditioned limited-memory BFGS for one smooth convex problem, fed with values and gradients from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

ARMIJO = 1e-4
"""Least share of the decrease promised by the slope that a step must bring."""


class Lbfgs:
    """Proposes points and is told value and gradient there, so that many problems can share one pass over the data.

    The curvature pairs of a problem ``C * loss(w) + 0.5 * |P w|^2`` are kept as pairs of the loss alone, which makes
    them exact for every other C: :meth:`restart` carries them along the penalty path.

    Args:
        penalty: (m,) 1 where a weight is penalised, 0 for intercepts.
        memory: curvature pairs kept.

    Source: Nocedal and Wright, Numerical Optimization, 2nd edition, chapter 7; the approximate Wolfe condition of
    Hager and Zhang, SIAM Journal on Optimization 16 (2005), accepts steps below the resolution of the value.
    """

    def __init__(self, penalty: Vector, *, memory: int) -> None:
        self.penalty = penalty
        self.memory = memory
        self.pairs: list[tuple[Vector, Vector]] = []  # step, change of the gradient of the loss alone
        self.full_pairs: list[tuple[Vector, Vector, float]] = []  # step, change of the whole gradient, product
        self.C, self.step = 1.0, 1.0
        self.failed = self.is_fresh = self.is_aimed = False

    def restart(self, point: Vector, loss: float, loss_gradient: Vector, *, C: float, curvature: Vector) -> None:
        """Begin at ``point``, where loss and gradient are known, with (m,) ``curvature`` as the first Hessian."""
        self.C, self.curvature = C, curvature
        self.full_pairs = [self._full(*pair) for pair in self.pairs]
        self.failed = False
        self._accept(point, loss, loss_gradient)

    def value_and_gradient(self, point: Vector, loss: float, loss_gradient: Vector) -> tuple[float, Vector]:
        """The objective at ``point``."""
        penalised = self.penalty * point
        return self.C * loss + 0.5 * float(penalised @ point), self.C * loss_gradient + penalised

    def aim(self, direction: Vector) -> None:
        """Take ``direction`` for the next step, if it leads downhill and no step was tried from here."""
        slope = float(self.gradient @ direction)
        if slope < 0 and self.is_fresh:
            self.direction, self.slope = direction, slope
            self.is_aimed = True

    def propose(self) -> Vector:
        """The next point to evaluate."""
        return self.point + self.step * self.direction

    def update(self, loss: float, loss_gradient: Vector, *, resolution: float) -> None:
        """Take value and gradient at the proposed point: accept it or shorten the step.

        Args:
            loss: sum of the weighted losses there.
            loss_gradient: (m,) its gradient.
            resolution: relative accuracy of the value.
        """
        point = self.propose()
        value, gradient = self.value_and_gradient(point, loss, loss_gradient)
        slope = float(gradient @ self.direction)
        enough = value <= self.value + ARMIJO * self.step * self.slope
        level = value <= self.value + resolution * abs(self.value) and slope <= (2 * ARMIJO - 1) * self.slope
        if enough or level:
            change = loss_gradient - self.loss_gradient
            pair = (point - self.point, change)
            self.pairs = [*self.pairs[1 - self.memory :], pair]
            self.full_pairs = [*self.full_pairs[1 - self.memory :], self._full(*pair)]
            self._accept(point, loss, loss_gradient)
            return
        self.is_fresh = False
        if self.is_aimed:  # back to the direction of the pairs
            self._turn()
            return
        curved = value - self.value - self.step * self.slope
        shorter = -0.5 * self.slope * self.step**2 / curved if curved > 0 else 0.5 * self.step
        self.step = float(np.clip(shorter, 0.1 * self.step, 0.5 * self.step))
        self.failed = self.step < 1e-6

    def _accept(self, point: Vector, loss: float, loss_gradient: Vector) -> None:
        self.point, self.loss, self.loss_gradient = point, loss, loss_gradient
        self.value, self.gradient = self.value_and_gradient(point, loss, loss_gradient)
        self.is_fresh = True
        self._turn()

    def _turn(self) -> None:
        self.is_aimed = False
        self.direction = -self._inverse_times(self.gradient)
        self.slope = float(self.gradient @ self.direction)
        if not self.slope < 0:  # at the optimum, or rounding has spoilt the pairs
            self.pairs, self.full_pairs = [], []
            self.direction = -self.gradient / self.curvature
            self.slope = float(self.gradient @ self.direction)
        self.step = 1.0
        self.failed = not self.slope < 0

    def _full(self, step: Vector, change: Vector) -> tuple[Vector, Vector, float]:
        """A pair of the objective at the present C, and its product."""
        full = self.C * change + self.penalty * step
        return step, full, float(step @ full)

    def _inverse_times(self, vector: Vector) -> Vector:
        result: Any = vector.copy()
        shares = []
        for step, full, product in reversed(self.full_pairs):
            share = float(step @ result) / product if product > 0 else 0.0
            result -= share * full
            shares.append(share)
        result /= self.curvature
        for (step, full, product), share in zip(self.full_pairs, reversed(shares), strict=True):
            if product > 0:
                result += (share - float(full @ result) / product) * step
        return np.asarray(result)
