"""One class out of several: (n,) codes and (n, n_classes) probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._few_counts import margins, n_units_with, unseen_margin
from headstart.evaluation._row_terms import METRICS, row_terms, score_of_sums

__all__ = ["METRICS", "bounds", "decided", "judged", "margins", "n_few", "row_terms", "score_of_sums", "unseen_margin"]


def judged(codes: NDArray[Any], proba: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The (m,) codes and (m, n_classes) probabilities of the rows that have any, checked.

    Raises:
        InputError: the shapes, the codes or the probabilities cannot be.
    """
    codes, proba = np.asarray(codes), np.asarray(proba, dtype=np.float64)
    if proba.ndim != 2 or codes.shape != proba.shape[:1]:
        raise InputError(
            f"score needs (n,) codes and (n, n_classes) probabilities, got {codes.shape} and {proba.shape}. "
            "Give one row of probabilities for each code."
        )
    unknown = np.isnan(proba)
    if unknown.any():
        present = ~unknown.all(axis=1)
        codes, proba = codes[present], proba[present]
    codes = codes.astype(np.int64)
    if len(codes) == 0:
        return codes, proba
    if codes.min() < 0 or codes.max() >= proba.shape[1]:
        raise InputError(
            f"score needs codes from 0 to {proba.shape[1] - 1}, got {codes.min()} to {codes.max()}. "
            "Give positions into the classes."
        )
    if not (proba.min() >= 0.0 and proba.max() <= 1.0 + 1e-6):
        raise InputError(
            f"score needs probabilities from 0 to 1, got {proba.min()} to {proba.max()}. Give predict_proba's rows."
        )
    return codes, proba


def n_few(metric: str, codes: NDArray[Any], proba: NDArray[np.float64], groups: Any) -> float:
    """Units that are right or wrong, whichever are fewer; endless for log-loss, which has no such thing."""
    is_right = proba.argmax(axis=1) == codes
    few = min(n_units_with(is_right, groups), n_units_with(~is_right, groups))
    return np.inf if metric == "neg_log_loss" else few


def decided(metric: str, proba: NDArray[np.float64]) -> NDArray[Any]:
    """The probabilities, or the class they speak for."""
    return proba if metric in ("neg_log_loss", "roc_auc") else proba.argmax(axis=1)


def bounds(metric: str) -> tuple[float, float]:
    """0..1, or up to 0 for log-loss."""
    return (-np.inf, 0.0) if metric == "neg_log_loss" else (0.0, 1.0)
