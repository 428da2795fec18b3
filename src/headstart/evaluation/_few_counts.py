"""How far a score may lie from the truth where the bootstrap cannot see it: hardly any error, or hardly any success."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_terms import SMALLEST, row_terms, score_of_sums, summed

Z95 = 1.959963984540054
FEW = 10
"""With fewer wrong (or right) units than this the bootstrap is widened."""

Float = NDArray[np.float64]


def wilson_ends(share: Any, n: Any) -> tuple[Float, Float]:
    """95 % ends of shares 0..1 seen in ``n`` trials (which may be a fraction); 0 and 1 without trials."""
    share, n = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    safe, z2 = np.maximum(n, SMALLEST), Z95**2
    centre = (share + z2 / (2 * safe)) / (1 + z2 / safe)
    half = Z95 * np.sqrt(share * (1 - share) / safe + z2 / (4 * safe**2)) / (1 + z2 / safe)
    low, high = np.minimum(np.maximum(centre - half, 0.0), share), np.maximum(np.minimum(centre + half, 1.0), share)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def margins(metric: str, codes: NDArray[np.int64], proba: Float, groups: Any) -> tuple[float, float]:
    """How far below and above a score its truth may lie, from Wilson's ends of the shares it is made of.

    The shares are the accuracy, or each class's recall (balanced accuracy; F1, roughly), or each area (out of the
    rarer side); a group counts as one trial. Their distances add in squares. Log-loss takes the rule of three:
    what was never seen may be 3 in n, and may cost as much as the stated probabilities can.

    Source: Wilson (1927); Zou and Donner, Statistics in Medicine 27 (2008); Hanley and Lippman-Hand, JAMA 249 (1983).
    """
    if metric == "neg_log_loss":
        return _log_loss_margins(codes, proba, groups)
    shares, trials = _shares(metric, codes, proba, groups)
    low, high = wilson_ends(shares, trials)
    below, above = shares - low, high - shares
    return float(np.sqrt((below**2).sum()) / len(shares)), float(np.sqrt((above**2).sum()) / len(shares))


def unseen_margin(metric: str, codes: NDArray[np.int64], proba: Float, groups: Any) -> float:
    """How far a difference may lie from what was seen where no unit tells two models apart."""
    if metric == "neg_log_loss":
        return 3.0 / max(3, n_units(groups, len(codes)))
    trials = _shares(metric, codes, proba, groups)[1]
    low = wilson_ends(np.ones(len(trials)), trials)[0]
    return float(np.sqrt(((1.0 - low) ** 2).sum()) / len(trials))


def n_units(groups: Any, n: int) -> int:
    """How many rows, or groups where there are any."""
    return n if groups is None else len(np.unique(np.asarray(groups)))


def n_units_with(is_so: NDArray[np.bool_], groups: Any) -> int:
    """How many rows, or groups with such a row, are so."""
    return int(is_so.sum()) if groups is None else len(np.unique(np.asarray(groups)[is_so]))


def _shares(metric: str, codes: NDArray[np.int64], proba: Float, groups: Any) -> tuple[Float, Float]:
    is_right = proba.argmax(axis=1) == codes
    if metric == "accuracy":
        return np.array([is_right.mean()]), np.array([float(n_units(groups, len(codes)))])
    present = np.unique(codes)
    of_class = [codes == code for code in present]
    trials = np.array([float(n_units_with(inside, groups)) for inside in of_class])
    if metric != "roc_auc":
        return np.array([is_right[inside].mean() for inside in of_class]), trials
    others = np.array([float(n_units_with(~inside, groups)) for inside in of_class])
    area = float(score_of_sums(metric, summed(row_terms(metric, codes, proba))[None])[0])
    return np.full(len(present), area), np.minimum(trials, others)


def _log_loss_margins(codes: NDArray[np.int64], proba: Float, groups: Any) -> tuple[float, float]:
    stated = np.log(np.clip(proba, SMALLEST, 1.0))
    value = float(stated[np.arange(len(codes)), codes].mean())
    unseen = 3.0 / max(3, n_units(groups, len(codes)))
    return unseen * max(1.0, value - float(stated.min())), min(-value, unseen * max(1.0, float(stated.max()) - value))
