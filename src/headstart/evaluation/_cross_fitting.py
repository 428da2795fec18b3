"""Probabilities of being a target row, by models that did not see the row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SUREST = 1e-6
"""Probabilities are kept this far from 0 and 1."""
MOST_COLUMNS = 64
"""Columns, or principal axes of more, that the default classifier looks at."""
LARGEST = 5.0
"""Deviations from the mean, in standard deviations, that count."""


def spread_parts(codes: NDArray[np.int64], n_parts: int, random_state: int) -> NDArray[np.int64]:
    """(n,) part of each row, drawn so that every code is spread evenly over the parts."""
    rng = np.random.default_rng(random_state)
    part = np.empty(len(codes), dtype=np.int64)
    begin = 0
    for code in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == code))
        part[rows] = (begin + np.arange(len(rows))) % n_parts
        begin += len(rows)
    return part


def target_probabilities(
    source: NDArray[Any], target: NDArray[Any], *, classifier: Any = None, n_folds: int = 5, random_state: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) and (m,) cross-fitted probabilities of (n, d) and (m, d) rows to be target rows, in equal domains.

    Odds are divided by m / n, so that domains that cannot be told apart give 1/2 whatever their sizes.

    Args:
        source: rows of the source, at least 2.
        target: rows of the target, at least 2.
        classifier: with ``predict_proba``; None is logistic regression on the columns (the first 64 principal axes of
            more) and their squares, so that it sees means and spreads; its penalty is cross-validated once.
        n_folds: at most as many as the smaller domain has rows.
        random_state: seed of the folds.
    """
    from sklearn.base import clone

    from headstart.heads.logistic import LogisticRegressionPath

    rows, codes = np.concatenate([source, target]), np.repeat([0, 1], [len(source), len(target)])
    rows = _with_squares(rows, random_state) if classifier is None else rows
    part = spread_parts(codes, max(2, min(n_folds, len(source), len(target))), random_state)
    if classifier is None:
        classifier = LogisticRegressionPath(C=LogisticRegressionPath(random_state=random_state).fit(rows, codes).C_)
    odds = np.empty(len(rows))
    for fold in range(int(part.max()) + 1):
        train, valid = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        proba = clone(classifier).fit(rows[train], codes[train]).predict_proba(rows[valid])[:, 1]
        proba = np.clip(np.asarray(proba, dtype=np.float64), SUREST, 1 - SUREST)
        odds[valid] = proba / (1 - proba) * (np.sum(codes[train] == 0) / np.sum(codes[train] == 1))
    shared = odds / (1 + odds)
    return shared[: len(source)], shared[len(source) :]


def _with_squares(rows: NDArray[Any], random_state: int) -> NDArray[Any]:
    """(n, 2 p) columns or principal axes of spread 1, and their squares."""
    scaled = _scaled(rows)
    if scaled.shape[1] > MOST_COLUMNS:
        from sklearn.decomposition import PCA

        reduction = PCA(min(MOST_COLUMNS, len(rows)), svd_solver="randomized", random_state=random_state)
        scaled = _scaled(reduction.fit_transform(scaled))
    return np.concatenate([scaled, scaled**2], axis=1)


def _scaled(rows: NDArray[Any]) -> NDArray[Any]:
    centred = rows - rows.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(np.clip(centred / np.where(spread > 0, spread, 1), -LARGEST, LARGEST))


def effective_sample_size(weights: NDArray[Any]) -> float:
    """How many equal rows carry as much as (n,) non-negative weights (Kish); 0 where all are 0.

    >>> effective_sample_size(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    weights = np.asarray(weights, dtype=np.float64)
    largest = weights.max(initial=0.0)
    return float((weights / largest).sum() ** 2 / ((weights / largest) ** 2).sum()) if largest > 0 else 0.0
