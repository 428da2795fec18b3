"""One predictor of numbers for each block of columns, and what they say of rows that they did not learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.heads._blocks import WIDEST_FOR_TREES, presence
from headstart.heads._path_result import stratified_folds
from headstart.heads.boosting_regression import BoostingRegression
from headstart.heads.ridge_regression import RidgeRegression

if TYPE_CHECKING:
    from headstart.heads._path_result import Folds

N_FOLDS = 5
FEWEST_ROWS = 4
"""Of a part; fewer tell nothing."""


def fit_regressors(
    X: NDArray[Any],
    y: NDArray[np.float64],
    weights: NDArray[np.float64],
    slices: Sequence[slice],
    *,
    random_state: int | None,
) -> tuple[list[Any], NDArray[np.float64]]:
    """A predictor for each block, fitted to the rows that have the part.

    Args:
        X: (n, d) rows.
        y: (n,) numbers of mean 0.
        weights: (n,) of the rows.
        slices: where the blocks lie.
        random_state: seed of the folds and the trees.

    Returns:
        The predictors, None where a part tells nothing; and the (n_blocks, n) numbers of predictors that did not see
        the row, 0 where the part is missing.
    """
    there = presence(X, slices)
    said = np.zeros((len(slices), len(y)))
    experts: list[Any] = []
    for number, block in enumerate(slices):
        rows = np.flatnonzero(there[:, number])
        if len(rows) < FEWEST_ROWS or np.ptp(y[rows]) == 0:
            experts.append(None)
            continue
        expert, held_out = _expert(X[rows, block], y[rows], weights[rows], random_state)
        experts.append(expert)
        said[number, rows] = held_out
    return experts, said


def regressors_say(experts: Sequence[Any], X: NDArray[Any], slices: Sequence[slice]) -> NDArray[np.float64]:
    """(n_blocks, n) numbers; 0 where the part is missing or its predictor is None."""
    there = presence(X, slices)
    said = np.zeros((len(slices), len(X)))
    for number, (expert, block) in enumerate(zip(experts, slices, strict=True)):
        rows = np.flatnonzero(there[:, number])
        if expert is not None and len(rows):
            said[number, rows] = expert.predict(X[rows, block])
    return said


def _expert(
    X: NDArray[Any], y: NDArray[np.float64], weights: NDArray[np.float64], random_state: int | None
) -> tuple[Any, NDArray[np.float64]]:
    """The predictor with the least squared error on rows it did not see."""
    folds = stratified_folds(np.zeros(len(y), dtype=np.int64), n_folds=N_FOLDS, random_state=random_state)
    tried = [(float(weights @ np.square(y - held_out)), e, held_out) for e, held_out in _tried(X, y, weights, folds)]
    _, expert, held_out = min(tried, key=lambda entry: entry[0])
    return expert.fit(X, y, weights), held_out


def _tried(
    X: NDArray[Any], y: NDArray[np.float64], weights: NDArray[np.float64], folds: Folds
) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    path = RidgeRegression().fit_path(X, y, folds, weights)
    errors = [float(weights @ np.square(y - held_out)) for held_out in path.probabilities]
    best = int(np.argmin(errors))
    yield RidgeRegression(**path.settings[best]), path.probabilities[best]
    if X.shape[1] <= WIDEST_FOR_TREES:
        held_out = np.zeros(len(y))
        for train, valid in folds:
            held_out[valid] = BoostingRegression().fit(X[train], y[train], weights[train]).predict(X[valid])
        yield BoostingRegression(), held_out
