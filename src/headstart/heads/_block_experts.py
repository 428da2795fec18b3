"""One predictor for each block of columns, with probabilities for rows that it did not learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.heads._blocks import WIDEST_FOR_TREES, presence
from headstart.heads._path_result import stratified_folds
from headstart.heads.boosting import Boosting
from headstart.heads.logistic import LogisticRegressionPath

if TYPE_CHECKING:
    from headstart.heads._path_result import Folds

N_FOLDS = 5


def fit_experts(
    X: NDArray[Any],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64],
    slices: Sequence[slice],
    *,
    random_state: int | None,
) -> tuple[list[Any], NDArray[np.float64]]:
    """A predictor for each block, fitted to the rows that have the part.

    Args:
        X: (n, d) rows.
        codes: (n,) classes from 0.
        weights: (n,) of the rows.
        slices: where the blocks lie.
        random_state: seed of the folds and the trees.

    Returns:
        The predictors, None where a part tells nothing; and (n_blocks, n, n_classes) probabilities by predictors that
        did not see the row, the shares of the classes where the part is missing.
    """
    n_classes = int(codes.max()) + 1
    there = presence(X, slices)
    shares = np.bincount(codes, weights=weights, minlength=n_classes) / weights.sum()
    proba = np.tile(shares, (len(slices), len(codes), 1))
    experts: list[Any] = []
    for number, block in enumerate(slices):
        rows = np.flatnonzero(there[:, number])
        if len(np.unique(codes[rows])) < n_classes or np.bincount(codes[rows]).min() < 2:
            experts.append(None)
            continue
        expert, held_out = _expert(X[rows, block], codes[rows], weights[rows], random_state)
        experts.append(expert)
        proba[number, rows] = held_out
    return experts, proba


def experts_proba(
    experts: Sequence[Any], X: NDArray[Any], slices: Sequence[slice], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_blocks, n, n_classes) probabilities; ``shares`` where the part is missing or its predictor is None."""
    there = presence(X, slices)
    proba = np.tile(shares, (len(slices), len(X), 1))
    for number, (expert, block) in enumerate(zip(experts, slices, strict=True)):
        rows = np.flatnonzero(there[:, number])
        if expert is not None and len(rows):
            proba[number, rows] = expert.predict_proba(X[rows, block])
    return proba


def _expert(
    X: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64], random_state: int | None
) -> tuple[Any, NDArray[np.float64]]:
    """The predictor with the least log-loss on rows it did not see."""
    folds = stratified_folds(codes, n_folds=N_FOLDS, random_state=random_state)
    tried = [(_log_loss(proba, codes, weights), expert, proba) for expert, proba in _tried(X, codes, weights, folds)]
    _, expert, proba = min(tried, key=lambda entry: entry[0])
    return expert.fit(X, codes, weights), proba


def _tried(
    X: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64], folds: Folds
) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    path = LogisticRegressionPath().fit_path(X, codes, folds, weights)
    losses = [_log_loss(proba, codes, weights) for proba in path.probabilities]
    best = int(np.argmin(losses))
    yield LogisticRegressionPath(**path.settings[best]), path.probabilities[best].astype(np.float64)
    if X.shape[1] <= WIDEST_FOR_TREES:
        proba = np.zeros((len(codes), int(codes.max()) + 1))
        for train, valid in folds:
            if len(np.unique(codes[train])) == proba.shape[1]:
                proba[valid] = Boosting().fit(X[train], codes[train], weights[train]).predict_proba(X[valid])
            else:
                proba[valid] = 1.0 / proba.shape[1]
        yield Boosting(), proba


def _log_loss(proba: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    right = np.clip(proba[np.arange(len(codes)), codes], 1e-12, 1.0)
    return float(-(weights * np.log(right)).sum() / weights.sum())
