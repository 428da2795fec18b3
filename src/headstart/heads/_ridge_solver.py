"""Weighted ridge regression for any penalty from one eigendecomposition, with each row left out in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._eigen import symmetric_eigen

Eigen = tuple[NDArray[Any], NDArray[Any]]
"""Ascending eigenvalues and their vectors."""


@dataclass(frozen=True, eq=False)
class RidgeSolver:
    """Minimises ``sum_i s_i |y_i - W z_i - b|^2 + alpha |W|^2`` for several targets and any alpha.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 3.4.1 and 7.10.1; leave-one-out in
    closed form as in Rifkin and Lippert, Notes on Regularized Least Squares, MIT-CSAIL-TR-2007-025.
    """

    turned: NDArray[Any]  # (n, r) centred rows in the eigenvectors of their Gram matrix
    axes: NDArray[np.float64]  # (r, r)
    centre: NDArray[np.float64]  # (r,) weighted mean of the rows
    values: NDArray[np.float64]  # (r,) eigenvalues
    moments: NDArray[np.float64]  # (r, n_targets)
    prior: NDArray[np.float64]  # (n_targets,) weighted mean of the targets
    targets: NDArray[Any]  # (n, n_targets)
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, rows: NDArray[Any], targets: NDArray[Any], weights: NDArray[np.float64], eigen: Eigen | None = None
    ) -> RidgeSolver:
        """From (n, r) rows, (n, n_targets) targets and the eigenvalues and vectors of :func:`centred_gram`."""
        values, axes = symmetric_eigen(centred_gram(rows, weights)) if eigen is None else eigen
        total = weights.sum()
        centre = (weights @ rows) / total
        turned = (rows - centre.astype(rows.dtype)) @ axes.astype(rows.dtype)
        targets = targets.astype(rows.dtype, copy=False)
        weighted = targets * weights[:, None].astype(rows.dtype)
        moments = (turned.T @ weighted).astype(np.float64)
        prior = weighted.sum(axis=0, dtype=np.float64) / total
        moments -= np.outer((weights @ turned), prior)
        return cls(turned, axes, centre, np.maximum(values, 0), moments, prior, targets, weights)

    def solution(self, alpha: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(r, n_targets) coefficients of the rows as they came, and (n_targets,) intercepts."""
        coef = self.axes @ (self.moments / (self.values + alpha)[:, None])
        return coef, self.prior - self.centre @ coef

    def leave_one_out(self, alpha: float) -> NDArray[np.float64]:
        """(n, n_targets) value of each row from the fit to all others."""
        shrunk = 1 / (self.values + alpha)
        fitted = self.prior + self.turned @ (self.moments * shrunk[:, None]).astype(self.turned.dtype)
        leverage = self.weights * (np.square(self.turned) @ shrunk + 1 / self.weights.sum())
        left = np.maximum(1 - leverage, 1e-9)
        return np.asarray(self.targets - (self.targets - fitted) / left[:, None])


def centred_gram(rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(r, r) weighted sums of products of the (n, r) rows about their weighted mean."""
    total = weights.sum()
    centre = (weights @ rows) / total
    gram = ((rows * weights[:, None].astype(rows.dtype)).T @ rows).astype(np.float64)
    return np.asarray(gram - total * np.outer(centre, centre))


def penalties(alpha: float | None, alphas: int | Sequence[float], d: int, *, who: str) -> list[float]:
    """The penalties to try, falling: ``alpha`` alone, those named, or so many from 10,000 d to d / 1,000.

    Raises:
        InputError: one is not above 0.
    """
    if alpha is not None:
        found = np.array([alpha], dtype=np.float64)
    elif isinstance(alphas, (int, np.integer)):
        found = np.logspace(4, -3, int(alphas)) * d
    else:
        found = np.unique(np.asarray(alphas, dtype=np.float64))[::-1]
    if found.size == 0 or not (np.isfinite(found).all() and (found > 0).all()):
        raise InputError(f"{who} needs alpha and alphas above 0, got {alpha!r}, {alphas!r}. Raise them.")
    return [float(value) for value in found]
