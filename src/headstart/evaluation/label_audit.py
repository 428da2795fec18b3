"""The labels most likely wrong, and the examples unlike all others."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 1024


def suspicious_labels(
    codes: NDArray[np.int64], proba: NDArray[np.float64], *, n_most: int = 24
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows whose label confident learning takes for wrong, the most suspicious first.

    Args:
        codes: (n,) labels as given.
        proba: (n, n_classes) out-of-fold probabilities.
        n_most: at most that many.

    Returns:
        Row numbers, and for each the normalised margin, 0 (surely wrong) .. 1.

    Source: Northcutt, Jiang and Chuang, Confident Learning (2021), through cleanlab.
    """
    present = np.unique(codes)
    if len(present) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0)
    own = np.searchsorted(present, codes)
    kept = proba[:, present] + 1e-12
    kept = kept / kept.sum(1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab warns about classes in which it finds nothing
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_normalized_margin_for_each_label

        quality = get_normalized_margin_for_each_label(own, kept)
        is_issue = find_label_issues(own, kept, filter_by="prune_by_noise_rate", n_jobs=1)
    rows = np.flatnonzero(is_issue)
    rows = rows[np.argsort(quality[rows], kind="stable")][:n_most]
    return rows, np.asarray(quality[rows])


def outliers(
    features: NDArray[np.float32], *, n_neighbours: int = 10, n_most: int = 12
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows farthest from their nearest neighbours, the farthest first.

    Args:
        features: (n, d).
        n_neighbours: over how many the distance is averaged.
        n_most: at most that many.

    Returns:
        Row numbers, and for each the mean cosine distance to its nearest neighbours, 0..2.

    Source: Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets (2000).
    """
    n = len(features)
    if n < 3:
        return np.empty(0, dtype=np.int64), np.empty(0)
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    n_neighbours = min(n_neighbours, n - 1)
    distance = np.empty(n)
    for begin in range(0, n, BLOCK_ROWS):
        near = unit[begin : begin + BLOCK_ROWS] @ unit.T  # (block, n)
        near[np.arange(len(near)), np.arange(begin, begin + len(near))] = -np.inf
        top = np.partition(near, n - n_neighbours, axis=1)[:, n - n_neighbours :]
        distance[begin : begin + BLOCK_ROWS] = 1.0 - top.mean(1)
    rows = np.argsort(-distance, kind="stable")[:n_most]
    return rows, distance[rows]
