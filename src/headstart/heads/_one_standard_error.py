"""The simplest setting that is not clearly worse than the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def within_one_standard_error(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True for the settings whose mean is within one standard error of the best mean.

    The standard error is that of the paired difference to the best over the folds: folds differ in difficulty, and
    what is common to both settings must not hide that one is worse. With one fold only the best is left.

    Args:
        scores: (n_settings, n_folds), higher is better; NaN where a fold has no score.

    Source: Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984), section 3.4.3, here with
    paired differences.
    """
    known = ~np.isnan(scores).all(axis=0)
    scores = scores[:, known]
    if scores.shape[1] == 0:
        return np.ones(len(scores), dtype=bool)
    means = np.where(np.isnan(scores).any(axis=1), -np.inf, scores.sum(axis=1) / scores.shape[1])
    best = int(np.argmax(means))
    if scores.shape[1] == 1:
        return np.asarray(means == means[best])
    loss = scores[best] - scores
    error = loss.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
    return np.asarray(loss.mean(axis=1) <= error + 1e-12)
