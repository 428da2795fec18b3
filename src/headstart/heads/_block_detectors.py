"""One detector for each block of columns, and how normal rows score that it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.heads._blocks import presence
from headstart.heads._path_result import stratified_folds
from headstart.heads._tail import surprise
from headstart.heads.mahalanobis import Mahalanobis

N_FOLDS = 5
FEWEST_ROWS = 4
"""Of a part; fewer tell nothing."""


def fit_detectors(
    X: NDArray[Any], slices: Sequence[slice], *, random_state: int | None
) -> tuple[list[Any], list[NDArray[np.float64]]]:
    """A detector for each block, learnt from the normal rows that have the part.

    Args:
        X: (n, d) normal rows.
        slices: where the blocks lie.
        random_state: seed of the folds.

    Returns:
        The detectors, None where a part tells nothing; and for each the ascending scores of rows held out.
    """
    there = presence(X, slices)
    detectors: list[Any] = []
    normal: list[NDArray[np.float64]] = []
    for number, block in enumerate(slices):
        rows = np.flatnonzero(there[:, number])
        is_enough = len(rows) >= FEWEST_ROWS
        detectors.append(Mahalanobis().fit(X[rows, block]) if is_enough else None)
        normal.append(_held_out(X[rows, block], random_state) if is_enough else np.empty(0))
    return detectors, normal


def detectors_say(
    detectors: Sequence[Any], normal: Sequence[NDArray[np.float64]], X: NDArray[Any], slices: Sequence[slice]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n,) sums of the parts' surprises, and (n,) of how many parts."""
    there = presence(X, slices)
    total, n_parts = np.zeros(len(X)), np.zeros(len(X), dtype=np.int64)
    for number, (detector, block) in enumerate(zip(detectors, slices, strict=True)):
        rows = np.flatnonzero(there[:, number])
        if detector is not None and len(rows):
            total[rows] += surprise(detector.anomaly_score(X[rows, block]), normal[number])
            n_parts[rows] += 1
    return total, n_parts


def _held_out(X: NDArray[Any], random_state: int | None) -> NDArray[np.float64]:
    scores = np.empty(len(X))
    same = np.zeros(len(X), dtype=np.int64)
    for train, valid in stratified_folds(same, n_folds=N_FOLDS, random_state=random_state):
        scores[valid] = Mahalanobis().fit(X[train]).anomaly_score(X[valid])
    return np.sort(scores)
