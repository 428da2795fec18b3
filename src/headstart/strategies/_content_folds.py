"""Folds that the rows' content decides, not their order, and what models say of rows that they did not learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_order import content_order

Codes = NDArray[np.int64]


def content_folds(X: Any, groups: NDArray[Any], n_folds: int, random_state: int | None) -> Codes:
    """(n,) the fold of each row, every value of ``groups`` spread evenly over the folds.

    Args:
        X: (n, d) rows.
        groups: (n,) class codes, or zeros.
        n_folds: at most n.
        random_state: seed of the draw.
    """
    order = content_order(X, random_state)
    first: dict[Any, int] = {}
    for group in groups[order].tolist():  # whatever the groups are called
        first.setdefault(group, len(first))
    ranked = np.array([first[group] for group in groups[order].tolist()], dtype=np.int64)
    fold = np.empty(len(order), dtype=np.int64)
    fold[order[np.argsort(ranked, kind="stable")]] = np.arange(len(order)) % min(n_folds, len(order))
    return fold


def held_out(
    fit: Callable[[Codes], Any], say: Callable[[Any, Codes], NDArray[Any]], fold: Codes
) -> list[tuple[Codes, Any, NDArray[Any]]]:
    """For each fold its rows, the model that did not learn from them, and what it says of them.

    Args:
        fit: from row numbers to a fitted model.
        say: from a model and row numbers to one line a row.
        fold: (n,) the fold of each row.
    """
    found = []
    for part in range(int(fold.max()) + 1):
        rows, others = np.flatnonzero(fold == part), np.flatnonzero(fold != part)
        model = fit(others)
        found.append((rows, model, say(model, rows)))
    return found
