"""Decision values for rows that the model did not train on, to calibrate it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.heads._path_result import stratified_folds
from headstart.heads._score_scale import fit_score_scale

DEFAULT_FACTOR = 4.0


def held_out_factor(
    values_of: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    n_folds: int,
    random_state: Any,
) -> float:
    """The factor of the softmax with the least log-loss on held-out rows.

    Folds whose training part lacks a class are skipped; if all do, the factor is :data:`DEFAULT_FACTOR`.

    Args:
        values_of: (training rows, validation rows) -> (n_valid, n_classes) decision values.
        codes: (n,) class codes.
        weights: (n,) weights.
        n_folds: number of folds.
        random_state: seed of the folds.
    """
    n_classes = int(codes.max()) + 1
    values, rows = [], []
    for train, valid in stratified_folds(codes, n_folds=n_folds, random_state=random_state):
        if len(np.unique(codes[train])) == n_classes:
            values.append(values_of(train, valid))
            rows.append(valid)
    if not values:
        return DEFAULT_FACTOR
    held_out = np.concatenate(rows)
    return fit_score_scale(np.concatenate(values), codes[held_out], weights[held_out])[0]


def per_class(scores: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) binary or (n, n_classes) decision values as one column a class."""
    scores = np.asarray(scores, dtype=np.float64)
    return np.stack([-0.5 * scores, 0.5 * scores], axis=1) if scores.ndim == 1 else scores
