"""Numbers: (n,) true ones and (n,) predicted ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._few_counts import n_units
from headstart.evaluation._influence import spearman_influence
from headstart.evaluation._row_terms import RowTerms

METRICS = ("neg_mae", "neg_rmse", "r2", "spearman")
"""Minus the mean absolute error, minus the root mean squared error, the share explained, the rank correlation."""

Float = NDArray[np.float64]


def judged(y: Any, predicted: Any) -> tuple[Float, Float]:
    """The (m,) true and predicted numbers of the rows that have both, checked.

    Raises:
        InputError: the shapes differ, or a number is infinite.
    """
    y, predicted = np.asarray(y, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if y.ndim != 1 or y.shape != predicted.shape:
        raise InputError(
            f"score needs (n,) true and (n,) predicted numbers, got {y.shape} and {predicted.shape}. Give one each."
        )
    present = ~np.isnan(predicted)
    y, predicted = y[present], predicted[present]
    if not (np.isfinite(y).all() and np.isfinite(predicted).all()):
        raise InputError("score needs finite numbers, got others. Leave those rows out.")
    return y, predicted


def row_terms(metric: str, y: Float, predicted: Float) -> RowTerms:
    """Errors of the rows; squares about the mean; for ranks the influence of a row on the correlation."""
    ones = np.ones(len(y))
    if metric == "spearman":
        value, influence = spearman_influence(y, predicted)
        columns = [value + influence, ones]
    elif metric == "neg_mae":
        columns = [np.abs(y - predicted), ones]
    else:
        centred = y - (y.mean() if len(y) else 0.0)  # so that squares keep their digits
        columns = [np.square(y - predicted), ones, centred, np.square(centred)]
    return RowTerms(np.arange(len(y)), np.stack(columns, axis=1))


def score_of_sums(metric: str, sums: Float) -> Float:
    """(r,) scores of (r, n_terms) sums; NaN without rows, and for ``r2`` and ``spearman`` where all are alike."""
    n = np.where(sums[:, 1] > 0, sums[:, 1], np.nan)
    mean = sums[:, 0] / n
    if metric == "neg_mae":
        return np.asarray(-mean)
    if metric == "neg_rmse":
        return np.asarray(-np.sqrt(mean))
    if metric == "spearman":
        return np.asarray(np.clip(mean, -1.0, 1.0))
    variance = sums[:, 3] / n - (sums[:, 2] / n) ** 2
    scale = np.maximum(np.abs(sums[:, 3] / n), 1e-300)
    return np.asarray(1 - mean / np.where(variance > 1e-14 * scale, variance, np.nan))


def margins(metric: str, y: Float, predicted: Float, groups: Any) -> tuple[float, float]:
    """The rule of three: what was never seen may be 3 in n, and may cost as much as the numbers spread.

    Source: Hanley and Lippman-Hand, JAMA 249 (1983).
    """
    margin = unseen_margin(metric, y, predicted, groups)
    return margin, margin


def unseen_margin(metric: str, y: Float, predicted: Float, groups: Any) -> float:
    """The same for a difference."""
    share = 3.0 / max(3, n_units(groups, len(y)))
    spread = float(np.ptp(np.concatenate([y, predicted]))) if len(y) else 0.0
    return share * max(spread, 1e-12) if metric in ("neg_mae", "neg_rmse") else share


def n_few(metric: str, y: Float, predicted: Float, groups: Any) -> float:
    """Endless: every row has an error of its own."""
    return np.inf


def decided(metric: str, predicted: Float) -> NDArray[Any]:
    """The numbers themselves."""
    return predicted


def bounds(metric: str) -> tuple[float, float]:
    """Up to 0 for errors, up to 1 for the others."""
    return {"r2": (-np.inf, 1.0), "spearman": (-1.0, 1.0)}.get(metric, (-np.inf, 0.0))
