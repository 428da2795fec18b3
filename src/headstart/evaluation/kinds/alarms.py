"""Anomalies: (n,) of 0 (normal) and 1 (anomalous), and (n,) scores, higher is stranger."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._few_counts import n_units_with, wilson_ends
from headstart.evaluation._influence import average_precision_influence
from headstart.evaluation._row_terms import RowTerms
from headstart.evaluation._row_terms import row_terms as class_terms
from headstart.evaluation._row_terms import score_of_sums as class_score

METRICS = ("average_precision", "roc_auc", "recall_at_5")
"""``recall_at_5``: share of the anomalies found where at most 5 % of the normal rows give a false alarm."""

FALSE_ALARMS = 0.05
FINEST = 200
"""Places of a threshold that a resample tells apart, among the strangest normal rows."""
WATCHED = 0.2
"""Share of the normal rows, the strangest, among which the threshold of any resample lies."""

Float = NDArray[np.float64]


def judged(y: Any, scores: Any) -> tuple[NDArray[np.int64], Float]:
    """The (m,) marks and scores of the rows that have a score, checked.

    Raises:
        InputError: the shapes differ, or a mark is neither 0 nor 1.
    """
    y, scores = np.asarray(y), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != scores.shape:
        raise InputError(f"score needs (n,) marks and (n,) scores, got {y.shape} and {scores.shape}. Give one each.")
    present = ~np.isnan(scores)
    y, scores = y[present].astype(np.int64), scores[present]
    if not np.isin(y, (0, 1)).all():
        raise InputError("score needs marks of 0 (normal) and 1 (anomalous), got others. Encode them.")
    return y, scores


def row_terms(metric: str, y: NDArray[np.int64], scores: Float) -> RowTerms:
    """Placement values for the area, the influence of a row for precision, places of the threshold for recall."""
    if metric == "roc_auc":
        return class_terms("roc_auc", y, np.stack([-scores, scores], axis=1))
    if metric == "average_precision":
        n, has_any = len(y), bool(y.any() and not y.all())
        value, influence = average_precision_influence(y, scores) if has_any else (0.0, np.zeros(n))
        return RowTerms(np.arange(n), np.stack([value + influence, np.full(n, float(has_any))], axis=1))
    return _threshold_terms(y, scores)


def score_of_sums(metric: str, sums: Float) -> Float:
    """(r,) scores of (r, n_terms) sums; NaN where there are only normal, or only anomalous, rows."""
    if metric == "roc_auc":
        return class_score(metric, sums)
    if metric == "average_precision":
        value = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
        return np.asarray(np.clip(value, 0.0, 1.0))
    normal, strange = np.split(sums, 2, axis=1)  # (r, n_places), the strangest place first
    n_normal, n_strange = normal.sum(axis=1), strange.sum(axis=1)
    is_defined = (n_normal > 0) & (n_strange > 0)
    alarms = np.cumsum(normal, axis=1) / np.where(is_defined, n_normal, 1)[:, None]
    found = np.cumsum(strange, axis=1) / np.where(is_defined, n_strange, 1)[:, None]
    best = np.where(alarms <= FALSE_ALARMS + 1e-12, found, 0.0).max(axis=1)
    return np.where(is_defined, best, np.nan)


def _threshold_terms(y: NDArray[np.int64], scores: Float) -> RowTerms:
    """Rows by the place of their score among the strangest normal ones; a place is just above such a score."""
    edges = _edges(scores[y == 0])  # falling
    place = np.searchsorted(-edges, -scores, side="left")  # how many edges lie above the row or are it, less ties
    n_places = len(edges) + 1
    kind = place + n_places * (y > 0)
    table = np.eye(2 * n_places)
    return RowTerms(kind.astype(np.int64), table)


def _edges(normal: Float) -> Float:
    """The distinct scores of the strangest normal rows, falling, thinned out to :data:`FINEST`."""
    if not len(normal):
        return np.zeros(0)
    distinct = np.unique(normal)[::-1]
    n_watched = int(np.searchsorted(-distinct, -np.quantile(normal, 1 - WATCHED), side="right"))
    watched = distinct[: max(n_watched, 1)]
    if len(watched) <= FINEST:
        return watched
    return watched[np.unique(np.linspace(0, len(watched) - 1, FINEST).round().astype(np.int64))]


def margins(metric: str, y: NDArray[np.int64], scores: Float, groups: Any) -> tuple[float, float]:
    """Wilson's ends of the score, the trials being the rows or groups of the rarer sort."""
    terms = row_terms(metric, y, scores)
    counts = np.bincount(terms.index, minlength=len(terms.table)).astype(np.float64)
    value = float(score_of_sums(metric, (counts @ terms.table)[None])[0])
    low, high = wilson_ends(value, n_few(metric, y, scores, groups))
    return value - float(low), float(high) - value


def unseen_margin(metric: str, y: NDArray[np.int64], scores: Float, groups: Any) -> float:
    """Wilson's distance from certainty."""
    return 1.0 - float(wilson_ends(1.0, n_few(metric, y, scores, groups))[0])


def n_few(metric: str, y: NDArray[np.int64], scores: Float, groups: Any) -> float:
    """Units that are anomalous or normal, whichever are fewer."""
    return float(min(n_units_with(y > 0, groups), n_units_with(y == 0, groups)))


def decided(metric: str, scores: Float) -> NDArray[Any]:
    """The scores themselves."""
    return scores


def bounds(metric: str) -> tuple[float, float]:
    """0..1."""
    return 0.0, 1.0
