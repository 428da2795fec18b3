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
        return np.asarray(found)
    regret = costs - costs.min(axis=1, keepdims=True)
    classes, rows = linear_sum_assignment(regret.T)
    found[rows] = classes
    return np.asarray(found)


def covering_prices(costs: NDArray[np.float64], assigned: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_classes,) prices from 0 at which ``costs - prices`` is least at each row's ``assigned`` class.

    The least such prices say which classes need one; these get the prices that leave every row the largest lead.
    """
    n_classes = costs.shape[1]
    own = costs[np.arange(len(costs)), assigned][:, None] - costs  # what the own class costs more than another
    needed = np.full((n_classes, n_classes), -np.inf)  # price of the first above the price of the second
    np.maximum.at(needed, assigned, own)
    prices = np.zeros(n_classes)
    for _ in range(n_classes):  # a chain of classes is at most so long
        prices = np.maximum(0.0, (needed + prices).max(axis=1))
    is_priced = prices > 1e-12 * max(float(np.abs(costs).max()), 1e-300)
    return _widest(needed, is_priced) if is_priced.any() else np.zeros(n_classes)


def _widest(needed: NDArray[np.float64], is_priced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n_classes,) prices, 0 where not ``is_priced``, that exceed what is ``needed`` by as much as possible."""
    from scipy.optimize import linprog

    first, second = np.nonzero(
        np.isfinite(needed) & (is_priced[:, None] | is_priced) & ~np.eye(len(needed), dtype=bool)
    )
    unit = np.eye(len(needed))
    rows = np.hstack([unit[second] - unit[first], np.ones((len(first), 1))])
    goal = np.append(np.zeros(len(needed)), -1.0)  # the lead is the last unknown
    bounds = [(0, None if priced else 0) for priced in is_priced] + [(None, None)]
    found = linprog(goal, A_ub=rows, b_ub=-needed[first, second], bounds=bounds)
    return np.asarray(found.x[:-1])
