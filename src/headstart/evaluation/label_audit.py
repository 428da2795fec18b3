"""The labels most likely wrong, and the examples unlike all others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_terms import SMALLEST
from headstart.evaluation.metrics import judged

BLOCK_CELLS = 8_000_000
"""Similarities held at once, so that memory stays flat."""


def suspicious_labels(
    codes: NDArray[Any], proba: NDArray[Any], *, n_most: int = 24
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows whose label confident learning takes for wrong, the most suspicious first.

    Args:
        codes: (n,) labels as given.
        proba: (n, n_classes) out-of-fold probabilities; rows of NaN (never predicted) are left out.
        n_most: at most that many.

    Returns:
        (m,) row numbers, and for each the normalised margin 0..1: half of one plus the probability of its label less
        the largest probability of another class; 0 is surely wrong.

    Raises:
        InputError: the shapes, the codes or the probabilities cannot be.

    Source: Northcutt, Jiang and Chuang, Confident Learning, JAIR 70 (2021), through cleanlab.
    """
    kept_rows = np.flatnonzero(~np.isnan(np.asarray(proba, dtype=np.float64)).all(axis=1))
    codes, proba = judged(codes, proba)
    present, own = np.unique(codes, return_inverse=True)  # cleanlab wants every class to occur
    if len(present) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0)
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_normalized_margin_for_each_label

    shares = np.clip(proba[:, present], SMALLEST, None)
    shares = shares / shares.sum(axis=1, keepdims=True)
    quality = np.asarray(get_normalized_margin_for_each_label(own, shares), dtype=np.float64)
    rows = np.flatnonzero(find_label_issues(own, shares, min_examples_per_class=0, n_jobs=1))
    rows = rows[np.argsort(quality[rows], kind="stable")][:n_most]
    return kept_rows[rows], quality[rows]


def outliers(
    features: NDArray[Any], *, n_neighbours: int = 10, n_most: int = 12
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows farthest from their nearest neighbours, the farthest first; memory does not grow with the square of n.

    Args:
        features: (n, d).
        n_neighbours: over how many the distance is averaged.
        n_most: at most that many.

    Returns:
        (m,) row numbers, and for each the mean cosine distance 0..2 to its nearest neighbours, itself aside.

    Source: Ramaswamy, Rastogi and Shim, SIGMOD 2000; Kuan and Mueller, Back to the Basics, ICML workshop 2022.
    """
    n = len(features)
    if n < 3:
        return np.empty(0, dtype=np.int64), np.empty(0)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = (features / np.maximum(norms, 1e-12)).astype(np.float32)
    nearest = min(n_neighbours, n - 1)
    distance = np.empty(n)
    block = max(1, BLOCK_CELLS // n)
    for begin in range(0, n, block):
        near = unit[begin : begin + block] @ unit.T  # (block, n)
        near[np.arange(len(near)), np.arange(begin, begin + len(near))] = -np.inf
        near.partition(n - nearest, axis=1)
        distance[begin : begin + block] = 1.0 - near[:, n - nearest :].mean(axis=1, dtype=np.float64)
    rows = np.argsort(-distance, kind="stable")[:n_most]
    return rows, np.clip(distance[rows], 0.0, 2.0)
