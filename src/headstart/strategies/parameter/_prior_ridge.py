"""Ridge regression that shrinks to given weights rather than to 0, in closed form, its pull chosen leaving one out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]

STEPS = 21
"""Finite pulls that are tried."""


@dataclass(frozen=True, eq=False)
class PriorRidge:
    """n weighted rows, decomposed once; solutions for any prior and any pull are then cheap.

    With weights s it minimises ``sum_i s_i |y_i - W x_i - b|^2 + alpha |W - W_0|^2``; b is free, or counts as a weight
    with prior b_0 (``ties_intercept``).

    Args:
        X: (n, d).
        Y: (n, k).
        weights: (n,) s, non-negative, not all 0.
        ties_intercept: True where b is pulled too.
    """

    X: Table
    Y: Table
    weights: Table
    ties_intercept: bool = False

    @cached_property
    def _mean(self) -> Table:
        mean: Table = np.zeros(self.X.shape[1]) if self.ties_intercept else self.weights @ self.X / self.weights.sum()
        return mean

    @cached_property
    def _svd(self) -> tuple[Table, Table, Table]:
        rows = self.X - self._mean
        if self.ties_intercept:
            rows = np.column_stack([rows, np.ones(len(rows))])
        left, values, right = np.linalg.svd(np.sqrt(self.weights)[:, None] * rows, full_matrices=False)
        kept = values > max(rows.shape) * np.finfo(np.float64).eps * max(float(values[:1].sum()), 1e-300)
        return left[:, kept], values[kept], right[kept]

    def alphas(self) -> list[float]:
        """Pulls from hardly any to infinite, the strongest first."""
        largest = float(self._svd[1][:1].sum()) ** 2 or 1.0
        return [np.inf, *(largest * np.logspace(3, -7, STEPS)).tolist()]

    def solve(self, coef: Table, intercept: Table, alpha: float) -> tuple[Table, Table]:
        """(k, d) weights and (k,) intercepts.

        Args:
            coef: (k, d) prior W_0.
            intercept: (k,) prior b_0.
            alpha: the pull, 0..inf; 0 takes the solution of least squares that is nearest to the prior.
        """
        _, values, right = self._svd
        turned, offset = self._turned(coef, intercept)
        change = ((_gains(values, alpha) / values)[:, None] * turned).T @ right  # (k, d), or (k, d + 1)
        if self.ties_intercept:
            return coef + change[:, :-1], intercept + change[:, -1]
        return coef + change, intercept + offset - change @ self._mean

    def left_out_error(self, coef: Table, intercept: Table, alpha: float) -> float:
        """Weighted mean squared error of rows left out one at a time; infinite where a row alone decides."""
        left, values, _ = self._svd
        turned, offset = self._turned(coef, intercept)
        gains = _gains(values, alpha)
        root = np.sqrt(self.weights)[:, None]
        misses = root * (self._residuals(coef, intercept) - offset) - left @ (gains[:, None] * turned)
        free = np.zeros(len(self.X)) if self.ties_intercept else self.weights / self.weights.sum()
        rest = 1 - free - (left**2) @ gains
        is_heavy = self.weights > 0
        if (rest[is_heavy] < 1e-9).any():
            return np.inf
        each = (misses[is_heavy] / rest[is_heavy, None]) ** 2
        return float(each.sum() / self.weights.sum())

    def _residuals(self, coef: Table, intercept: Table) -> Table:
        return np.asarray(self.Y - self.X @ coef.T - intercept)

    def _turned(self, coef: Table, intercept: Table) -> tuple[Table, Table]:
        """(r, k) residuals of the prior in the principal axes, and (k,) their mean, 0 where the intercept is tied."""
        residuals = self._residuals(coef, intercept)
        offset = np.zeros(residuals.shape[1])
        if not self.ties_intercept:
            offset = self.weights @ residuals / self.weights.sum()
        return self._svd[0].T @ (np.sqrt(self.weights)[:, None] * (residuals - offset)), offset


def _gains(values: Table, alpha: float) -> Table:
    """(r,) shares of the way from the prior to least squares."""
    return np.zeros_like(values) if np.isinf(alpha) else np.asarray(values**2 / (values**2 + alpha))


@dataclass(frozen=True, eq=False)
class Pulled:
    """A solution.

    Args:
        coef: (k, d).
        intercept: (k,).
        alpha: the pull.
        number: of the prior.
    """

    coef: Table
    intercept: Table
    alpha: float
    number: int


def pulled_to(ridge: PriorRidge, priors: list[tuple[Table, Table]], alpha: float | None) -> Pulled:
    """The solution for the first prior and ``alpha``; for None that of the prior and pull of least left-out error.

    Of equal ones the first prior and the strongest pull are taken.
    """
    number, chosen, least = 0, np.inf if alpha is None else float(alpha), np.inf
    for place, prior in enumerate(priors if alpha is None else []):
        for tried in ridge.alphas():
            error = ridge.left_out_error(*prior, tried)
            if error < least * (1 - 1e-12):
                number, chosen, least = place, tried, error
    return Pulled(*ridge.solve(*priors[number], chosen), chosen, number)
