"""What a head with a cheap penalty path returns from cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""(training rows, validation rows) of each fold."""


@dataclass(frozen=True, eq=False)
class PathResult:
    """Out-of-fold outputs for every penalty, the strongest first.

    Args:
        settings: the head's settings that make each step of the path.
        probabilities: (n_settings, n, n_classes), or (n_settings, n) numbers; NaN for rows in no validation part.
        classes: (n_classes,) the labels of the columns; None for a head that gives no classes.
        gaps: (n_settings, n_folds) proven relative distance of each objective from its optimum; 0 in closed form.
    """

    settings: tuple[dict[str, Any], ...]
    probabilities: NDArray[Any]
    classes: NDArray[Any] | None
    gaps: NDArray[np.float64]

    def outputs(self, setting: int, n_outputs: int) -> NDArray[np.float64]:
        """What the task's metrics take, for one setting: (n, n_outputs) probabilities or (n,) numbers."""
        found = self.probabilities[setting]
        if self.classes is None:
            return np.asarray(found, dtype=np.float64)
        full = np.zeros((len(found), n_outputs))
        full[:, self.classes] = found
        return np.asarray(full / full.sum(axis=1, keepdims=True))


def rows_of(folds: Folds, n: int) -> NDArray[np.int64]:
    """The sorted rows that occur in any fold; the others must not be read.

    Raises:
        InputError: there is no fold, or a row stands outside 0..n-1 or on both sides of a fold.
    """
    if len(folds) == 0:
        raise InputError("fit_path needs at least one fold, got none. Give (training rows, validation rows) pairs.")
    for number, (train, valid) in enumerate(folds):
        if np.intersect1d(train, valid).size:
            raise InputError(f"fit_path needs folds without overlap, got shared rows in fold {number}. Separate them.")
    rows = np.unique(np.concatenate([part for fold in folds for part in fold]))
    if rows.size == 0 or rows[0] < 0 or rows[-1] >= n:
        raise InputError(f"fit_path needs rows from 0 to {n - 1} in its folds, got others. Give positions into X.")
    return rows.astype(np.int64)


def within(folds: Folds, rows: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The folds as positions into ``rows``."""
    return [(np.searchsorted(rows, train), np.searchsorted(rows, valid)) for train, valid in folds]


def stratified_folds(
    codes: NDArray[np.int64], *, n_folds: int, random_state: Any
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Folds with each class spread evenly, also classes smaller than the number of folds."""
    from sklearn.utils import check_random_state

    shuffled = check_random_state(random_state).permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    n_folds = max(2, min(n_folds, len(codes)))
    fold = np.empty(len(codes), dtype=np.int64)
    fold[by_class] = np.arange(len(codes)) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
