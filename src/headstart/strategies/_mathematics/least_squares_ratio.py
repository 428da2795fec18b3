"""A (relative) density ratio by regularised least squares, and its error with each pair of rows left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RatioMoments:
    """What the fit needs of the features of both domains.

    Args:
        source: (m, m) mean outer product over source rows.
        target: (m, m) the same over target rows.
        mean: (m,) mean feature of target rows.
        n_source: rows.
        n_target: rows.
        relative: 0 for the ratio target / source, up to below 1 for target / (relative target + rest source).
    """

    source: Matrix
    target: Matrix
    mean: NDArray[np.float64]
    n_source: int
    n_target: int
    relative: float

    def solve(self, penalty: float) -> NDArray[np.float64]:
        """(m,) coefficients of least ``a @ H @ a / 2 - mean @ a + penalty |a|^2 / 2``, negative ones set to 0."""
        bend = (1 - self.relative) * self.source + self.relative * self.target
        found = np.linalg.solve(bend + penalty * np.eye(len(bend)), self.mean)
        return np.asarray(np.maximum(found, 0))


def moments(source: NDArray[Any], target: NDArray[Any], relative: float) -> RatioMoments:
    """Moments of (n_source, m) and (n_target, m) features."""
    parts = [_outer(rows) / len(rows) for rows in (source, target)]
    mean = target.mean(axis=0, dtype=np.float64)
    return RatioMoments(parts[0], parts[1], mean, len(source), len(target), relative)


def leave_one_out_error(known: RatioMoments, source: NDArray[Any], target: NDArray[Any], penalty: float) -> float:
    """Mean squared-error criterion over pairs, one source and one target row, each left out of its own fit.

    In closed form: leaving out a pair changes the matrix of the normal equations by rank two. Needs two rows of
    each domain.

    Args:
        known: moments of all rows.
        source: (p, m) features of source rows, each of a pair.
        target: (p, m) features of the target rows of the same pairs.
        penalty: of the coefficients.

    Source: Kanamori, Hido and Sugiyama, A Least-Squares Approach to Direct Importance Estimation, JMLR 10 (2009).
    """
    share = known.relative
    of_source, of_target = (1 - share) / (known.n_source - 1), share / (known.n_target - 1)
    whole = of_source * known.n_source * known.source + of_target * known.n_target * known.target
    whole += penalty * np.eye(len(whole))
    S, T = source.astype(np.float64).T, target.astype(np.float64).T  # (m, p)
    inverse = np.linalg.inv(whole)
    mean = (known.n_target * known.mean[:, None] - T) / (known.n_target - 1)  # (m, p)
    plain, away_s, away_t = inverse @ mean, inverse @ S, inverse @ T
    # (whole - of_source s s' - of_target t t')^-1 mean by the Woodbury identity, all pairs at once
    ss, st, tt = (np.einsum("mp,mp->p", a, b) for a, b in ((S, away_s), (S, away_t), (T, away_t)))
    sm, tm = np.einsum("mp,mp->p", S, plain), np.einsum("mp,mp->p", T, plain)
    a, b, c = 1 - of_source * ss, -np.sqrt(of_source * of_target) * st, 1 - of_target * tt
    det = a * c - b * b
    by_s = (c * np.sqrt(of_source) * sm - b * np.sqrt(of_target) * tm) / det * np.sqrt(of_source)
    by_t = (a * np.sqrt(of_target) * tm - b * np.sqrt(of_source) * sm) / det * np.sqrt(of_target)
    alpha = np.maximum(plain + away_s * by_s + away_t * by_t, 0)
    at_s, at_t = np.einsum("mp,mp->p", S, alpha), np.einsum("mp,mp->p", T, alpha)
    return float(((1 - share) * at_s**2 / 2 + share * at_t**2 / 2 - at_t).mean())


def _outer(rows: NDArray[Any], block: int = 16_384) -> Matrix:
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), block):
        part = rows[start : start + block].astype(np.float64)
        total += part.T @ part
    return total
