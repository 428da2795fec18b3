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

    def left_out_errors(self, coef: Table, intercept: Table, alpha: float) -> Table:
        """(n,) squared errors of rows left out one at a time; infinite where a row alone decides, 0 without weight."""
        left, values, _ = self._svd
        turned, offset = self._turned(coef, intercept)
        gains = _gains(values, alpha)
        root = np.sqrt(self.weights)[:, None]
        misses = root * (self._residuals(coef, intercept) - offset) - left @ (gains[:, None] * turned)
        free = np.zeros(len(self.X)) if self.ties_intercept else self.weights / self.weights.sum()
        rest = 1 - free - (left**2) @ gains
        is_told = (self.weights > 0) & (rest > 1e-9)
        errors = np.where(self.weights > 0, np.inf, 0.0)
        each = (misses[is_told] / rest[is_told, None]) ** 2
        errors[is_told] = each.sum(axis=1) / self.weights[is_told]
        return errors

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
class Candidate:
    """Something to shrink to.

    Args:
        ridge: the rows.
        coef: (k, d) prior.
        intercept: (k,) prior.
        uses_source: False for 0.
    """

    ridge: PriorRidge
    coef: Table
    intercept: Table
    uses_source: bool


@dataclass(frozen=True, eq=False)
class Pulled:
    """A solution.

    Args:
        coef: (k, d).
        intercept: (k,).
        alpha: the pull.
        uses_source: whether it was pulled to the source.
    """

    coef: Table
    intercept: Table
    alpha: float
    uses_source: bool


def pulled(
    X: Table,
    Y: Table,
    weights: Table,
    prior: tuple[Table, Table] | None,
    *,
    alpha: float | None,
    ties_intercept: bool | None,
) -> Pulled:
    """The solution for ``prior`` and ``alpha``; what is None is chosen by the least error of rows left out.

    Chosen is from the source and from 0, each with every pull; of equal ones the source with the strongest pull.

    Args:
        X: (n, d) rows.
        Y: (n, k) numbers.
        weights: (n,).
        prior: (k, d) weights and (k,) intercepts of a source, or None.
        alpha: the pull.
        ties_intercept: whether the intercept is pulled too; None: to a source's, not to 0.
    """
    rows = {ties: PriorRidge(X, Y, weights, ties) for ties in (True, False)}
    zero = Candidate(rows[ties_intercept is True], np.zeros((Y.shape[1], X.shape[1])), np.zeros(Y.shape[1]), False)
    tried = [] if prior is None else [Candidate(rows[ties_intercept is not False], *prior, True)]
    best, chosen, least = [*tried, zero][0], np.inf if alpha is None else float(alpha), np.inf
    for candidate in [*tried, zero] if alpha is None else []:
        for pull in candidate.ridge.alphas():
            errors = candidate.ridge.left_out_errors(candidate.coef, candidate.intercept, pull)
            error = float(weights @ errors) if np.isfinite(errors).all() else np.inf
            if error < least * (1 - 1e-9):
                best, chosen, least = candidate, pull, error
    return Pulled(*best.ridge.solve(best.coef, best.intercept, chosen), chosen, best.uses_source)
