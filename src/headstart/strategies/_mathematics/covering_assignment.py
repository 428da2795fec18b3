"""Rows to classes at the least total cost, every class getting a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def covering_assignment(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) class of each row: the least sum of ``costs`` (n, n_classes) with every class used.

    Every row but one for each class takes its cheapest class; which rows stand in for classes is an assignment
    problem over what that costs them more. With fewer rows than classes each row takes its cheapest.
    """
    from scipy.optimize import linear_sum_assignment

    n, n_classes = costs.shape
    found = costs.argmin(axis=1).astype(np.int64)
    if n < n_classes or len(np.unique(found)) == n_classes:
        return found
    regret = costs - costs.min(axis=1, keepdims=True)
    classes, rows = linear_sum_assignment(regret.T)
    found[rows] = classes
    return found


def covering_prices(costs: NDArray[np.float64], assigned: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_classes,) least prices from 0 at which ``costs - prices`` is least at each row's ``assigned`` class.

    They are the multipliers of the classes' constraints, raised until nothing changes.
    """
    n_classes = costs.shape[1]
    own = costs[np.arange(len(costs)), assigned][:, None] - costs  # what the own class costs more than another
    needed = np.full((n_classes, n_classes), -np.inf)
    np.maximum.at(needed, assigned, own)
    prices = np.zeros(n_classes)
    for _ in range(n_classes):  # a chain of classes is at most so long
        prices = np.maximum(0.0, (needed + prices).max(axis=1))
    return np.where(prices > 0, prices * (1 + 1e-9), 0.0)  # a tie falls to the class that has no other row
