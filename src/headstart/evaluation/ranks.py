"""Ranks of models by several validators, and how far the validators agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAME = 1e-9
"""Values that differ by less, relative to the larger, are a tie."""


def mean_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """(n_models,) mean over the validators of each model's rank, 1 the best; ties share their ranks.

    Args:
        values: (n_models, n_validators), higher is better.

    >>> mean_ranks(np.array([[0.9, 5.0], [0.1, 5.0], [0.5, -np.inf]])).tolist()
    [1.25, 2.25, 2.5]
    """
    return np.asarray(ranks(values).mean(axis=1))


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """(n_models, n_validators) ranks, 1 the best of a column; arguments as of :func:`mean_ranks`."""
    values = np.asarray(values, dtype=np.float64)
    return np.asarray(1 + (beaten_by(values, values) + (tied_with(values, values) - 1) / 2))


def beaten_by(own: NDArray[Any], others: NDArray[Any]) -> NDArray[np.int64]:
    """(m, v) how many of (k, v) ``others`` have a higher value than each of (m, v) ``own``."""
    is_higher = (others[None] > own[:, None]) & ~_tied(own, others)
    return np.asarray(is_higher.sum(axis=1))


def tied_with(own: NDArray[Any], others: NDArray[Any]) -> NDArray[np.int64]:
    """(m, v) how many of ``others`` have the same value."""
    return np.asarray(_tied(own, others).sum(axis=1))


def concordance(values: NDArray[Any]) -> float:
    """Kendall's W of the validators over the models: 1 where all rank alike, near 0 where they contradict each other.

    NaN for one model, or where every validator finds all models alike.

    Args:
        values: (n_models, n_validators), higher is better.

    Source: Kendall and Babington Smith, The Problem of m Rankings, Annals of Mathematical Statistics 10 (1939), with
    the correction for ties.

    >>> concordance(np.array([[3.0, 30.0], [2.0, 20.0], [1.0, 10.0]]))
    1.0
    """
    found = ranks(values)
    n, m = found.shape
    sums = found.sum(axis=1)
    spread = float(((sums - sums.mean()) ** 2).sum())
    ties = sum(int(((count := np.unique(column, return_counts=True)[1]) ** 3 - count).sum()) for column in found.T)
    most = (m * m * (n**3 - n) - m * ties) / 12
    return spread / most if most > 0 else float("nan")


def _tied(own: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """(m, k, v) True where the values are the same, infinite ones included."""
    mine, theirs = own[:, None], others[None]
    with np.errstate(invalid="ignore"):
        near = np.abs(mine - theirs) <= SAME * np.maximum(np.abs(mine), np.abs(theirs))
    return np.asarray((mine == theirs) | (near & np.isfinite(mine) & np.isfinite(theirs)))
