"""L2-penalised logistic regression for rising C, all folds together, each to a proven relative accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.heads._lbfgs import Lbfgs
from headstart.heads._softmax_loss import SoftmaxLoss

Trail = list[tuple[float, list[NDArray[np.float64]]]]
"""log C and the problems' solutions, of the last steps."""

Points = dict[int, NDArray[np.float64]]
Known = dict[int, tuple[float, NDArray[np.float64]]]
"""Loss and gradient at each problem's point."""

PATIENCE = 100
"""Passes without a smaller gap, after which rounding has been met."""

PAIR_BYTES = 256e6
"""What the curvature pairs of all problems may take."""


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
    probabilities give, the gap is about half the squared norm of the penalised weights' gradient.

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
    memory = int(np.clip(PAIR_BYTES / (24 * flat.size * loss.n_problems), 5, 30))
    searches = [Lbfgs(flat, memory=memory) for _ in range(loss.n_problems)]
    points = dict(enumerate(np.zeros((loss.n_problems, flat.size)) if start is None else start))
    known = loss(points)
    trail: Trail = []
    before: Points = {}  # the Hessian's diagonal one C back: too steep a model, and fewer passes than the latest
    for C in Cs:
        bent = loss.curvature(points)
        curvature, before = before or bent, bent
        n_passes = 0
        if len(trail) > 1:
            points, known = _followed(loss, points, known, trail, C)
            n_passes = 1
        for p, search in enumerate(searches):
            search.restart(points[p], *known[p], C=C, curvature=C * curvature[p] + np.maximum(flat, C * 1e-6))
        n_passes += _descend(loss, searches, tol=tol, max_iter=max_iter)
        points = {p: search.point for p, search in enumerate(searches)}
        known = {p: (search.loss, search.loss_gradient) for p, search in enumerate(searches)}
        trail = [*trail[-2:], (np.log(C), list(points.values()))]
        yield PathPoint(
            C=C,
            weights=np.stack([s.point.reshape(loss.n_outputs, loss.dim) for s in searches]),
            objective=np.array([s.value for s in searches]),
            gap=np.array([relative_gap(s, loss.sums[p], loss.n_outputs) for p, s in enumerate(searches)]),
            n_passes=n_passes,
        )


def relative_gap(search: Lbfgs, sums: NDArray[np.float64], n_outputs: int) -> float:
    """Upper bound on (value - optimum) / optimum, from the value of a feasible dual point.

    A dual point is a distribution p' for each row whose weighted sums over the rows are the class totals, as the
    intercepts are free. The current probabilities p miss those by the intercepts' gradient r, so a share e of a
    constant q is mixed in: p' = (1 - e) p + e q. As entropy is concave, the gap is at most
    ``0.5 |C sum w x (p' - y) + W|^2 + e C sum w KL(q | p)``, whose second term the known sums give.

    Args:
        search: value and gradient at the current point.
        sums: (n_classes, d + 1) weighted sums of the rows of each class, the class totals last.
        n_outputs: 1 for two classes with one output.

    Source: Yu, Huang and Lin, Machine Learning 85 (2011), for the dual.
    """
    point, gradient = (flat.reshape(n_outputs, -1) for flat in (search.point, search.loss_gradient))
    if n_outputs == 1:
        point, gradient = np.vstack([0 * point, point]), np.vstack([-gradient, gradient])
    totals, missed = sums[:, -1], gradient[:, -1]
    everything = totals.sum()
    if not everything:
        return 0.0
    ratio = float(np.max(np.divide(missed, totals, out=np.zeros_like(missed), where=totals > 0)))
    share = max(ratio, 0.0) / (1 + max(ratio, 0.0))
    q = np.maximum(totals - (missed / ratio if ratio > 0 else 0), 0) / everything
    entropy = -float(q[q > 0] @ np.log(q[q > 0]))
    aside = np.outer(q, sums.sum(axis=0)) - sums  # sum of w x (q - y)
    spread = max(search.loss - everything * entropy - float((aside * point).sum()), 0.0)
    mixed = (search.C * ((1 - share) * gradient + share * aside) + point)[-n_outputs:, :-1]
    gap = 0.5 * float((mixed**2).sum()) + share * search.C * spread
    return float(gap / max(search.value - gap, 1e-300))


def _followed(loss: SoftmaxLoss, points: Points, known: Known, trail: Trail, C: float) -> tuple[Points, Known]:
    """Where the path so far, a polynomial in log C, leads, for the problems whose objective is lower there."""
    at = [logC for logC, _ in trail]
    shares = [np.prod([(np.log(C) - b) / (a - b) for b in at if b != a]) for a in at]
    guesses = {
        p: np.asarray(sum(share * solved[p] for share, (_, solved) in zip(shares, trail, strict=True))) for p in points
    }
    points, known = points.copy(), known.copy()
    for p, found in loss(guesses).items():
        here, there = (
            C * value + 0.5 * float((w.reshape(loss.n_outputs, -1)[:, :-1] ** 2).sum())
            for value, w in ((known[p][0], points[p]), (found[0], guesses[p]))
        )
        if there < here:
            points[p], known[p] = guesses[p], found
    return points, known


def _descend(loss: SoftmaxLoss, searches: list[Lbfgs], *, tol: float, max_iter: int) -> int:
    least = dict.fromkeys(range(len(searches)), (float("inf"), 0))  # smallest gap so far and when
    bends: dict[int, NDArray[np.float64]] = {}  # of the intercepts, where they were first asked for
    for n_passes in range(max_iter):
        gaps = {p: relative_gap(s, loss.sums[p], loss.n_outputs) for p, s in enumerate(searches) if not s.failed}
        active = {p: searches[p] for p, gap in gaps.items() if gap > tol}
        least |= {p: (gap, n_passes) for p, gap in gaps.items() if gap < least[p][0]}
        active = {p: search for p, search in active.items() if n_passes - least[p][1] < PATIENCE}
        if not active:
            return n_passes
        lagging = [p for p, search in active.items() if _only_intercepts_lag(search, tol)]
        bends |= loss.intercept_curvature({p: searches[p].point for p in lagging if p not in bends})
        for p in lagging:
            searches[p].aim(_towards_class_totals(searches[p], bends[p]))
        for p, (value, gradient) in loss({p: s.propose() for p, s in active.items()}).items():
            searches[p].update(value, gradient, resolution=loss.resolution)
    return max_iter


def _only_intercepts_lag(search: Lbfgs, tol: float) -> bool:
    penalised = search.penalty * search.gradient
    return bool(0.5 * float(penalised @ penalised) <= 0.5 * tol * search.value)


def _towards_class_totals(search: Lbfgs, bend: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Newton step of the intercepts alone: the dual point needs their gradient to vanish."""
    free = search.penalty == 0
    direction = np.zeros_like(search.point)
    direction[free] = -np.linalg.lstsq(bend, search.loss_gradient[free], rcond=1e-9)[0]
    return direction
