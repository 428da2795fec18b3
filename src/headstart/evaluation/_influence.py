"""How much one row more, or one row less, moves a figure that depends on the order of all rows.

A figure whose rows weigh ``w`` is, near ``w = 1``, its value plus the influences' sum over the resampled rows: so
resampling needs no sorting.

Source: Hampel, The Influence Curve and its Role in Robust Estimation, JASA 69 (1974); Jaeckel, The infinitesimal
jackknife (1972).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def average_precision_influence(y: NDArray[Any], scores: Float) -> tuple[float, Float]:
    """Average precision (precision where each positive row is found, equal scores together), and n times its slope.

    Args:
        y: (n,) 1 for positive rows, of which there is at least one.
        scores: (n,) higher comes first.

    Returns:
        the value, and (n,) influences, whose mean is 0.
    """
    n = len(y)
    order = np.argsort(-scores, kind="stable")
    positive = (np.asarray(y)[order] > 0).astype(np.float64)
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # last place of each run of equal scores
    run = np.searchsorted(ends, np.arange(n))
    found, seen = np.cumsum(positive)[ends][run], (ends + 1.0)[run]  # at or above each row's score
    n_positive = positive.sum()
    precision = found / seen
    value = float((positive * precision).sum() / n_positive)
    # A row of weight w more raises `seen`, and `found` if positive, of every positive row at or below it.
    per_seen, per_found = positive * found / seen**2, positive / seen
    below_seen, below_found = (_from_run(term, run, ends) for term in (per_seen, per_found))
    slope = (positive * (precision + below_found - value) - below_seen) / n_positive
    influence = np.empty(n)
    influence[order] = n * slope
    return value, influence


def _from_run(term: Float, run: NDArray[np.int64], ends: NDArray[np.int64]) -> Float:
    """(n,) sum of ``term`` over a row's run and all runs after it."""
    after = np.append(np.cumsum(term[::-1])[::-1], 0.0)
    starts = np.append(0, ends[:-1] + 1)
    return np.asarray(after[starts][run])


def spearman_influence(y: Float, predicted: Float) -> tuple[float, Float]:
    """Rank correlation, equal numbers sharing their mean rank, and n times its slope.

    Args:
        y: (n,) numbers.
        predicted: (n,) numbers.

    Returns:
        the value, NaN where either is constant, and (n,) influences.
    """
    n = len(y)
    if n < 2 or np.ptp(y) == 0 or np.ptp(predicted) == 0:
        return float("nan"), np.zeros(n)
    a, b = (_mid_ranks(values) for values in (y, predicted))
    a, b = a - a.mean(), b - b.mean()
    aa, bb, ab = float(a @ a), float(b @ b), float(a @ b)
    value = ab / np.sqrt(aa * bb)
    d_ab = a * b + _above(y, b) + _above(predicted, a)
    d_aa, d_bb = a * a + 2 * _above(y, a), b * b + 2 * _above(predicted, b)
    slope = d_ab / np.sqrt(aa * bb) - 0.5 * value * (d_aa / aa + d_bb / bb)
    return float(value), np.asarray(n * slope)


def _mid_ranks(values: Float) -> Float:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2.0)[index])


def _above(values: Float, terms: Float) -> Float:
    """(n,) for each row the sum of ``terms`` over rows of larger ``values``, and half of it over equal ones."""
    _, index = np.unique(values, return_inverse=True)
    sums = np.bincount(index, weights=terms)
    larger = sums.sum() - np.cumsum(sums)
    return np.asarray((larger + 0.5 * sums)[index])
