"""Every metric as a function of sums over rows, so that resampling rows is adding up terms with other counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "neg_log_loss", "roc_auc")
"""The names of the scores, higher is better."""

SMALLEST = float(np.finfo(np.float64).eps)
"""No probability is taken as smaller than this inside a logarithm."""

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowTerms:
    """What each row adds to a metric's sums.

    Args:
        index: (n,) which line of the table belongs to the row.
        table: (n_kinds, n_terms) the terms of rows that are alike.
    """

    index: NDArray[np.int64]
    table: Float


def row_terms(metric: str, codes: NDArray[np.int64], proba: Float) -> RowTerms:
    """The terms of a metric for (n,) codes and (n, n_classes) probabilities."""
    if metric == "neg_log_loss":
        true = np.clip(proba[np.arange(len(codes)), codes], SMALLEST, 1.0)
        return RowTerms(np.arange(len(codes)), np.stack([np.log(true), np.ones(len(codes))], axis=1))
    if metric == "roc_auc":
        return RowTerms(np.arange(len(codes)), _area_terms(codes, proba))
    n_classes = proba.shape[1]
    cells, index = np.unique(codes * n_classes + proba.argmax(axis=1), return_inverse=True)
    true, said = np.divmod(cells, n_classes)
    if metric == "accuracy":
        return RowTerms(index, np.stack([true == said, np.ones(len(cells))], axis=1).astype(np.float64))
    one = np.eye(n_classes)
    return RowTerms(index, np.hstack([one[true] * (true == said)[:, None], one[true], one[said]]))


def summed(terms: RowTerms) -> Float:
    """(n_terms,) the sums over all rows."""
    counts = np.bincount(terms.index, minlength=len(terms.table)).astype(np.float64)
    total: Float = counts @ terms.table
    return total


def score_of_sums(metric: str, sums: Float) -> Float:
    """(r,) scores of (r, n_terms) sums; NaN where the metric is undefined."""
    if metric in ("accuracy", "neg_log_loss"):
        return _ratio(sums[:, 0], sums[:, 1])
    if metric == "roc_auc":
        n_areas = (sums.shape[1] - 1) // 3
        wins, losses, n_in = (sums[:, i * n_areas : (i + 1) * n_areas] for i in range(3))
        areas = _ratio(wins, n_in) + _ratio(losses, sums[:, -1:] - n_in)
        return np.clip(_mean_of_known(areas), 0.0, 1.0)
    right, true, said = np.split(sums, 3, axis=1)
    if metric == "balanced_accuracy":
        return _mean_of_known(_ratio(right, true))
    return _mean_of_known(_ratio(2.0 * right, true + said))


def class_f1(codes: NDArray[np.int64], proba: Float) -> Float:
    """(n_classes,) F1; NaN for a class that neither occurs nor is predicted."""
    if len(codes) == 0:
        return np.full(proba.shape[1], np.nan)
    right, true, said = np.split(summed(row_terms("macro_f1", codes, proba)), 3)
    return _ratio(2.0 * right, true + said)


def _area_terms(codes: NDArray[np.int64], proba: Float) -> Float:
    """Placement values, whose means over either side are the area: (n, 3 * n_areas + 1).

    Resampling them is first-order exact for the area, and needs no sorting.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
    """
    n = len(codes)
    columns = [1] if proba.shape[1] == 2 else range(proba.shape[1])
    wins, losses, inside = (np.zeros((n, len(columns))) for _ in range(3))
    for j, column in enumerate(columns):
        is_in = codes == column
        n_in, n_out = int(is_in.sum()), int((~is_in).sum())
        if n_in and n_out:
            value = proba[:, column]
            overall = _ranks(value)
            wins[is_in, j] = (overall[is_in] - _ranks(value[is_in])) / n_out
            area = wins[is_in, j].mean()
            losses[~is_in, j] = 1.0 - (overall[~is_in] - _ranks(value[~is_in])) / n_in - area
        inside[:, j] = is_in
    return np.hstack([wins, losses, inside, np.ones((n, 1))])


def _ranks(values: Float) -> Float:
    """(n,) ranks from 1, equal values sharing their mean rank."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Float = (np.cumsum(counts) - (counts - 1) / 2.0)[index]
    return ranks


def _ratio(above: Any, below: Any) -> Float:
    above, below = np.broadcast_arrays(above, below)
    ratio: Float = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return ratio


def _mean_of_known(values: Float) -> Float:
    """(r,) means over the columns that are not NaN."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))
