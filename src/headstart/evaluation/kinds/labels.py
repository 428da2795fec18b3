"""Several labels a row: (n, n_labels) of 0 and 1 and (n, n_labels) independent probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._few_counts import n_units, wilson_ends
from headstart.evaluation._influence import average_precision_influence
from headstart.evaluation._row_terms import SMALLEST, RowTerms

METRICS = ("mean_average_precision", "macro_f1", "micro_f1", "subset_accuracy", "neg_log_loss")
"""F1 and subset accuracy take a probability of at least one half for a label."""

Float = NDArray[np.float64]


def judged(y: Any, proba: Any) -> tuple[NDArray[np.int64], Float]:
    """The (m, n_labels) targets and probabilities of the rows that have any, checked.

    Raises:
        InputError: the shapes differ, or there is something else than 0 and 1, or no probability.
    """
    y, proba = np.asarray(y), np.asarray(proba, dtype=np.float64)
    if y.ndim != 2 or y.shape != proba.shape:
        raise InputError(
            f"score needs (n, n_labels) targets and probabilities, got {y.shape} and {proba.shape}. Give one a label."
        )
    present = ~np.isnan(proba).all(axis=1)
    y, proba = y[present].astype(np.int64), proba[present]
    if y.size and not (np.isin(y, (0, 1)).all() and proba.min() >= 0 and proba.max() <= 1 + 1e-6):
        raise InputError("score needs targets of 0 and 1 and probabilities from 0 to 1, got others. Check the order.")
    return y, proba


def row_terms(metric: str, y: NDArray[np.int64], proba: Float) -> RowTerms:
    """Counts of labels found, had and said; log-probabilities; for precision the influence of a row."""
    n = len(y)
    said, ones = proba >= 0.5, np.ones((n, 1))
    if metric == "neg_log_loss":
        chance = np.clip(np.where(y > 0, proba, 1 - proba), SMALLEST, 1.0)
        table = np.hstack([np.log(chance).mean(axis=1, keepdims=True), ones])
    elif metric == "subset_accuracy":
        table = np.hstack([(said == y).all(axis=1, keepdims=True), ones])
    elif metric == "mean_average_precision":
        found = [average_precision_influence(y[:, label], proba[:, label]) for label in np.flatnonzero(y.any(axis=0))]
        if not found:
            return RowTerms(np.arange(n), np.hstack([ones, 0 * ones]))
        value = np.mean([part[0] for part in found])
        influence = np.mean([part[1] for part in found], axis=0)
        table = np.hstack([(value + influence)[:, None], ones])
    else:
        counts = (said & (y > 0), y > 0, said)
        if metric == "micro_f1":
            table = np.stack([count.sum(axis=1) for count in counts], axis=1)
        else:
            table = np.hstack(counts)
    return RowTerms(np.arange(n), table.astype(np.float64))


def score_of_sums(metric: str, sums: Float) -> Float:
    """(r,) scores of (r, n_terms) sums; NaN where nothing is defined."""
    if metric in ("macro_f1", "micro_f1"):
        found, had, said = np.split(sums, 3, axis=1)
        below = had + said
        f1 = np.divide(2 * found, below, out=np.full(found.shape, np.nan), where=below > 0)  # (r, n_labels)
        known = ~np.isnan(f1)
        n_known = known.sum(axis=1)
        total = np.where(known, f1, 0.0).sum(axis=1)
        return np.asarray(np.divide(total, n_known, out=np.full(len(sums), np.nan), where=n_known > 0))
    value = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    return np.asarray(value if metric == "neg_log_loss" else np.clip(value, 0.0, 1.0))


def label_f1(y: NDArray[Any], proba: Float) -> Float:
    """(n_labels,) F1 of each label; NaN for one that no row has and that is never said."""
    said, had = proba >= 0.5, np.asarray(y) > 0
    below = (had.sum(axis=0) + said.sum(axis=0)).astype(np.float64)
    found = 2.0 * (said & had).sum(axis=0)
    return np.asarray(np.divide(found, below, out=np.full(len(below), np.nan), where=below > 0))


def margins(metric: str, y: NDArray[np.int64], proba: Float, groups: Any) -> tuple[float, float]:
    """Wilson's ends of the score, as if each row or group were one trial; the rule of three for log-loss."""
    units = n_units(groups, len(y))
    if metric == "neg_log_loss":
        return 3.0 / max(3, units), 3.0 / max(3, units)
    terms = row_terms(metric, y, proba)
    value = float(score_of_sums(metric, terms.table.sum(axis=0)[None])[0])
    low, high = wilson_ends(value, units)
    return value - float(low), float(high) - value


def unseen_margin(metric: str, y: NDArray[np.int64], proba: Float, groups: Any) -> float:
    """The rule of three."""
    return 3.0 / max(3, n_units(groups, len(y)))


def n_few(metric: str, y: NDArray[np.int64], proba: Float, groups: Any) -> float:
    """Rows of which a label is wrong, or right, whichever are fewer; endless where probabilities count."""
    if metric in ("neg_log_loss", "mean_average_precision"):
        return np.inf
    is_right = ((proba >= 0.5) == (y > 0)).all(axis=1)
    return float(min(is_right.sum(), (~is_right).sum())) if metric == "subset_accuracy" else np.inf


def decided(metric: str, proba: Float) -> NDArray[Any]:
    """The probabilities, or which labels they speak for."""
    return proba if metric in ("neg_log_loss", "mean_average_precision") else proba >= 0.5


def bounds(metric: str) -> tuple[float, float]:
    """0..1, or up to 0 for log-loss."""
    return (-np.inf, 0.0) if metric == "neg_log_loss" else (0.0, 1.0)
