"""One predictor of several labels for each block of columns, with probabilities for rows it did not learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.heads._blocks import WIDEST_FOR_TREES, presence
from headstart.heads._multi_label_head import LEAST
from headstart.heads._path_result import stratified_folds
from headstart.heads.multi_label_logistic import MultiLabelLogistic
from headstart.heads.multi_label_ridge import MultiLabelRidge

if TYPE_CHECKING:
    from headstart.heads._path_result import Folds

N_FOLDS = 5
FEWEST_ROWS = 4
"""Of a part; fewer tell nothing."""


def fit_labellers(
    X: NDArray[Any],
    targets: NDArray[np.float64],
    shares: NDArray[np.float64],
    slices: Sequence[slice],
    *,
    random_state: int | None,
) -> tuple[list[Any], NDArray[np.float64]]:
    """A predictor for each block, fitted to the rows that have the part.

    Args:
        X: (n, d) rows.
        targets: (n, n_labels) of 0 and 1.
        shares: (n_labels,) of the rows that have each label.
        slices: where the blocks lie.
        random_state: seed of the folds.

    Returns:
        The predictors, None where a part tells nothing; and (n_blocks, n, n_labels) probabilities by predictors that
        did not see the row, the shares where the part is missing.
    """
    there = presence(X, slices)
    proba = np.tile(shares, (len(slices), len(X), 1))
    experts: list[Any] = []
    for number, block in enumerate(slices):
        rows = np.flatnonzero(there[:, number])
        if len(rows) < FEWEST_ROWS:
            experts.append(None)
            continue
        expert, held_out = _expert(X[rows, block], targets[rows], random_state)
        experts.append(expert)
        proba[number, rows] = held_out
    return experts, proba


def labellers_proba(
    experts: Sequence[Any], X: NDArray[Any], slices: Sequence[slice], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_blocks, n, n_labels) probabilities; ``shares`` where the part is missing or its predictor is None."""
    there = presence(X, slices)
    proba = np.tile(shares, (len(slices), len(X), 1))
    for number, (expert, block) in enumerate(zip(experts, slices, strict=True)):
        rows = np.flatnonzero(there[:, number])
        if expert is not None and len(rows):
            proba[number, rows] = expert.predict_proba(X[rows, block])
    return proba


def as_classes(proba: NDArray[np.float64], label: int) -> NDArray[np.float64]:
    """(..., 2) probability of lacking and of having one of (..., n_labels)."""
    having = proba[..., label]
    return np.stack([1 - having, having], axis=-1)


def _expert(X: NDArray[Any], targets: NDArray[np.float64], random_state: int | None) -> tuple[Any, NDArray[np.float64]]:
    """The predictor with the least log-loss on rows it did not see."""
    folds = stratified_folds(np.zeros(len(X), dtype=np.int64), n_folds=N_FOLDS, random_state=random_state)
    tried = [(_log_loss(proba, targets), expert, proba) for expert, proba in _tried(X, targets, folds)]
    _, expert, proba = min(tried, key=lambda entry: entry[0])
    return expert.fit(X, targets), proba


def _tried(X: NDArray[Any], targets: NDArray[np.float64], folds: Folds) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    heads: list[Any] = [MultiLabelRidge]
    if X.shape[1] <= WIDEST_FOR_TREES:
        heads.append(MultiLabelLogistic)  # by label and penalty: cheap for few columns alone
    for head in heads:
        path = head().fit_path(X, targets, folds)
        best = int(np.argmin([_log_loss(proba, targets) for proba in path.probabilities]))
        yield head(**path.settings[best]), np.asarray(path.probabilities[best], dtype=np.float64)


def _log_loss(proba: NDArray[Any], targets: NDArray[np.float64]) -> float:
    safe = np.clip(proba, LEAST, 1 - LEAST)
    return float(-np.where(targets > 0, np.log(safe), np.log1p(-safe)).mean())
