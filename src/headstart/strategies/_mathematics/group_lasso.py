"""Softmax regression in which the weights of a feature are zero together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

_FIRST = 128
_MOST_ROUNDS = 60
_MOST_STEPS = 5000


@final
@dataclass(frozen=True, eq=False)
class GroupLasso:
    """The solution for one penalty.

    Args:
        coef: (d, n_classes) weights; most rows are zero.
        intercept: (n_classes,) not penalised.
        penalty: weight of the sum of the rows' lengths.
        gradient: (d, n_classes) of the mean loss; where a row is zero it is at most ``penalty`` long.
    """

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    penalty: float
    gradient: NDArray[np.float64]

    @property
    def relevance(self) -> NDArray[np.float64]:
        """(d,) length of a feature's weights; below 0 for those that are left out, least for the last to come in."""
        left_out = np.linalg.norm(self.gradient, axis=1) / max(self.penalty, 1e-300) - 1
        lengths = np.linalg.norm(self.coef, axis=1)
        return np.asarray(np.where(lengths > 0, lengths, np.minimum(left_out, 0.0)))


def group_lasso(
    X: NDArray[Any],
    codes: NDArray[np.int64],
    n_classes: int,
    *,
    strength: float,
    weights: NDArray[Any] | None = None,
    tol: float = 1e-3,
) -> GroupLasso:
    """Minimise the weighted mean cross-entropy plus ``penalty`` times the sum of the lengths of the rows of ``coef``.

    Only features that are not zero, or should not be, are in the problem that is solved; it grows until all others
    meet their condition.

    Args:
        X: (n, d) features.
        codes: (n,) class codes.
        n_classes: number of classes.
        strength: the penalty as a share, in 0..1, of the least one at which all weights are zero.
        weights: (n,) not negative; None: all 1.
        tol: by how much the conditions of the optimum may be missed, relative to the penalty.

    Source: Yuan and Lin, Model selection and estimation in regression with grouped variables, JRSS B 68 (2006); steps:
    Beck and Teboulle, A fast iterative shrinkage-thresholding algorithm, SIAM J. Imaging Sciences 2 (2009).
    """
    share = (
        np.full(len(X), 1.0 / len(X)) if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
    )
    wanted = share[:, None] * np.eye(n_classes)[codes]  # (n, n_classes)
    mean = share @ X
    coef, intercept = np.zeros((X.shape[1], n_classes)), np.log(np.maximum(wanted.sum(0), 1e-300))
    gradient = _gradient(X, mean, share[:, None] * wanted.sum(0) - wanted)
    penalty = strength * float(np.linalg.norm(gradient, axis=1).max(initial=0.0))
    active = np.empty(0, dtype=np.int64)
    for _ in range(_MOST_ROUNDS if penalty > 0 else 0):
        missing = np.linalg.norm(gradient, axis=1) - (1 + tol) * penalty
        missing[active] = -np.inf
        fresh = np.argsort(-missing)[: max(_FIRST, len(active))]
        fresh = fresh[missing[fresh] > 0]
        if not len(fresh):
            break
        active = np.sort(np.concatenate([active, fresh]))
        Z = np.asarray(X[:, active], dtype=np.float64) - mean[active]
        coef[active], intercept, residual = _solve(Z, share, wanted, coef[active], intercept, penalty, tol)
        gradient = _gradient(X, mean, residual)
    return GroupLasso(coef, intercept - mean @ coef, penalty, gradient)


def _gradient(X: NDArray[Any], mean: NDArray[Any], residual: NDArray[np.float64]) -> NDArray[np.float64]:
    products = X.T @ residual.astype(X.dtype)
    return np.asarray(products - np.outer(mean, residual.sum(0)), dtype=np.float64)


def _solve(
    Z: NDArray[np.float64],
    share: NDArray[np.float64],
    wanted: NDArray[np.float64],
    coef: NDArray[np.float64],
    intercept: NDArray[np.float64],
    penalty: float,
    tol: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Accelerated proximal gradient with restarts: weights, intercept and the (n, n_classes) residual there."""
    bend = _curvature(Z, share)
    unit = np.sqrt(max(bend, 1e-300))  # the intercept as one more feature, about as strong as all others
    step = 1.0 / max(bend + unit**2, 1e-300)
    point = ahead = np.vstack([coef, intercept / unit])
    momentum = 1.0
    for _ in range(_MOST_STEPS):
        residual = _residual(Z @ ahead[:-1] + unit * ahead[-1], share, wanted)
        slope = np.vstack([Z.T @ residual, unit * residual.sum(0)])
        moved = ahead - 2 * step * slope  # softmax bends by at most half of what least squares does
        lengths = np.linalg.norm(moved[:-1], axis=1, keepdims=True)
        moved[:-1] *= np.maximum(0.0, 1 - 2 * step * penalty / np.maximum(lengths, 1e-300))
        if float(np.abs(ahead - moved).max()) / (2 * step) <= 0.1 * tol * penalty / np.sqrt(moved.shape[1]):
            point = moved
            break
        if np.vdot(ahead - moved, moved - point) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / following * (moved - point)
        point, momentum = moved, following
    return point[:-1], unit * point[-1], _residual(Z @ point[:-1] + unit * point[-1], share, wanted)


def _curvature(Z: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    """Largest eigenvalue of the weighted second moments."""
    rows = Z * np.sqrt(share)[:, None]
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    return float(np.linalg.eigvalsh(gram)[-1]) * (1 + 1e-9)


def _residual(scores: NDArray[Any], share: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    chances = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(share[:, None] * (chances / chances.sum(1, keepdims=True)) - wanted)
