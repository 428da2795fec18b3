"""Logistic regression that shrinks to given weights rather than to 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Codes = NDArray[np.int64]

FREE, HELD, TIED = 0.0, 0.01, 1.0
"""How an intercept is pulled: not at all, just so that one of a class without rows is finite, as much as weights."""


@dataclass(frozen=True, eq=False)
class PriorLogistic:
    """n weighted rows, decomposed once.

    It minimises ``C sum_i s_i cross_entropy(y_i, W x_i + b) + |W - W_0|^2 / 2 + pull * |b - b_0|^2 / 2``. For two
    classes there is one row of weights, the log-odds of the second.

    Args:
        X: (n, d).
        codes: (n,) classes.
        n_classes: k.
        weights: (n,) s, non-negative, not all 0.
        pull: of the intercept; :data:`TIED` pulls where x is 0, others where x is the mean.
        is_rough: True where the optimum is only compared with others, not used.
        max_iter: steps of the solver.
    """

    X: Table
    codes: Codes
    n_classes: int
    weights: Table
    pull: float = FREE
    is_rough: bool = False
    max_iter: int = 2000

    @cached_property
    def _axes(self) -> tuple[Table, Table, Table, Table]:
        """(d,) centre, (n, r) rows in their principal axes, (r,) their squared lengths, (r, d) the axes."""
        d = self.X.shape[1]
        centre = np.zeros(d) if self.pull == TIED else self.weights @ self.X / self.weights.sum()
        rows = self.X - centre
        _, values, axes = np.linalg.svd(np.sqrt(self.weights)[:, None] * rows, full_matrices=False)
        kept = values > max(rows.shape) * np.finfo(np.float64).eps * max(float(values[:1].sum()), 1e-300)
        axes = axes[kept]
        return centre, rows @ axes.T, values[kept] ** 2, axes

    @property
    def largest(self) -> float:
        """The largest squared length of the rows along an axis."""
        return float(self._axes[2][:1].sum()) or 1.0

    def solve(self, coef: Table, intercept: Table, C: float) -> tuple[Table, Table]:
        """(m, d) weights and (m,) intercepts, m = 1 for two classes and k for more.

        Args:
            coef: (m, d) prior W_0.
            intercept: (m,) prior b_0.
            C: weight of the rows against the pull, above 0.
        """
        from scipy.optimize import minimize

        centre, turned, lengths, axes = self._axes
        offset = self.X @ coef.T + intercept  # (n, m)
        m, r = offset.shape[1], len(lengths)
        # In these units the curvature is near 1 in every direction, so few steps are needed.
        scale = np.sqrt(np.append(1 + C * lengths / 4, self.pull + C * self.weights.sum() / 4))
        rows = np.column_stack([turned, np.ones(len(turned))]) / scale
        pulls = np.append(np.ones(r), self.pull) / scale**2
        found = minimize(
            lambda flat: self._loss(flat.reshape(m, r + 1), rows, offset, pulls, C),
            np.zeros(m * (r + 1)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter, "maxfun": 2 * self.max_iter, "maxcor": 20}
            | ({"ftol": 1e-6, "gtol": 1e-4} if self.is_rough else {"ftol": 0, "gtol": 1e-10}),
        )
        change = found.x.reshape(m, r + 1) / scale
        moved = change[:, :-1] @ axes
        return coef + moved, intercept + change[:, -1] - moved @ centre

    def _loss(self, table: Table, rows: Table, offset: Table, pulls: Table, C: float) -> tuple[float, Table]:
        losses, slopes = cross_entropy(offset + rows @ table.T, self.codes)
        pulled = table * pulls
        value = C * float(self.weights @ losses) + float((pulled * table).sum()) / 2
        return value, (C * (slopes * self.weights[:, None]).T @ rows + pulled).ravel()


def cross_entropy(scores: Table, codes: Codes) -> tuple[Table, Table]:
    """(n,) losses of (n, m) scores, and their (n, m) slopes; one score is the log-odds of class 1."""
    from scipy.special import logsumexp

    whole = np.column_stack([np.zeros(len(scores)), scores]) if scores.shape[1] == 1 else scores
    logs = whole - logsumexp(whole, axis=1, keepdims=True)
    slopes = np.exp(logs)
    slopes[np.arange(len(codes)), codes] -= 1
    return -logs[np.arange(len(codes)), codes], slopes[:, -scores.shape[1] :]
