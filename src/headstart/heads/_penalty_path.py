"""L2-penalised logistic regression for rising C, all folds together, each to a proven relative accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.heads._lbfgs import Lbfgs
from headstart.heads._softmax_loss import SoftmaxLoss


@dataclass(frozen=True, eq=False)
class PathPoint:
    """All problems at one C."""

    C: float
    weights: NDArray[np.float64]  # (n_problems, n_outputs, d + 1), the intercept last
    objective: NDArray[np.float64]  # (n_problems,) C * loss + 0.5 * |w|^2
    gap: NDArray[np.float64]  # (n_problems,) bound on (objective - optimum) / optimum
    n_passes: int


def solve_path(
    loss: SoftmaxLoss,
    Cs: Sequence[float],
    *,
    tol: float,
    max_iter: int,
    start: NDArray[np.float64] | None = None,
) -> Iterator[PathPoint]:
    """Solve every problem for every C of the rising sequence ``Cs``, each from the path so far.

    A problem is done when its duality gap is at most ``tol`` of its objective. With the dual point that the current
    probabilities give, the gap is half the squared norm of the penalised weights' gradient, as every direction curves
    by at least 1; the intercepts, which are not penalised, enter with their own curvature.

    Args:
        loss: the data of all problems; the last column of its rows is constant 1.
        Cs: rising inverse penalties.
        tol: relative accuracy of each objective.
        max_iter: passes over the data for one C.
        start: (n_problems, n_outputs * (d + 1)) where to begin; default 0.
    """
    penalty = np.ones((loss.n_outputs, loss.dim))
    penalty[:, -1] = 0
    flat = penalty.ravel()
    searches = [Lbfgs(flat) for _ in range(loss.n_problems)]
    points = dict(enumerate(np.zeros((loss.n_problems, flat.size)) if start is None else start))
    known = loss(points)
    trail: list[tuple[float, list[NDArray[np.float64]]]] = []
    for C in Cs:
        curvature = loss.curvature(points)
        for p, search in enumerate(searches):
            search.restart(points[p], *known[p], C=C, curvature=C * curvature[p] + np.maximum(flat, C * 1e-6))
        n_passes = _follow(loss, searches, trail, C) + _descend(loss, searches, tol=tol, max_iter=max_iter)
        points = {p: search.point for p, search in enumerate(searches)}
        known = {p: (search.loss, search.loss_gradient) for p, search in enumerate(searches)}
        trail = [*trail[-2:], (np.log(C), list(points.values()))]
        yield PathPoint(
            C=C,
            weights=np.stack([s.point.reshape(loss.n_outputs, loss.dim) for s in searches]),
            objective=np.array([s.value for s in searches]),
            gap=np.array([relative_gap(s) for s in searches]),
            n_passes=n_passes,
        )


def relative_gap(search: Lbfgs) -> float:
    """Upper bound on (value - optimum) / optimum."""
    free = search.penalty == 0
    squared = search.gradient**2
    gap = 0.5 * float(squared[~free].sum() + (squared[free] / search.curvature[free]).sum())
    return gap / max(search.value - gap, 1e-300)


def _follow(loss: SoftmaxLoss, searches: list[Lbfgs], trail: list[tuple[float, list[NDArray[np.float64]]]], C: float) -> int:
    """Try the point where the path so far, a polynomial in log C, leads."""
    if len(trail) < 2:
        return 0
    at = [logC for logC, _ in trail]
    shares = [np.prod([(np.log(C) - b) / (a - b) for b in at if b != a]) for a in at]
    guesses = {
        p: np.asarray(sum(share * points[p] for share, (_, points) in zip(shares, trail, strict=True)))
        for p in range(len(searches))
    }
    for p, (value, gradient) in loss(guesses).items():
        searches[p].better_start(guesses[p], value, gradient)
    return 1


def _descend(loss: SoftmaxLoss, searches: list[Lbfgs], *, tol: float, max_iter: int) -> int:
    for n_passes in range(max_iter):
        active = {p: s for p, s in enumerate(searches) if not s.failed and relative_gap(s) > tol}
        if not active:
            return n_passes
        for p, (value, gradient) in loss({p: s.propose() for p, s in active.items()}).items():
            searches[p].update(value, gradient, resolution=loss.resolution)
    return max_iter
