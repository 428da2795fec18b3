"""What boosting across domains shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def source_rate(n_source: int, n_estimators: int) -> float:
    """0..1: a source row that misleads keeps so much of its weight.

    Source: Freund and Schapire, A Decision-Theoretic Generalization of On-line Learning, JCSS 55 (1997).
    """
    return float(1 / (1 + np.sqrt(2 * np.log(max(n_source, 2)) / n_estimators)))


def adjusted_errors(y: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) absolute errors as a share of the largest, 0..1; all 0 where all are."""
    errors = np.abs(np.asarray(y, dtype=np.float64) - predicted)
    most = float(errors.max())
    return np.asarray(errors / most if most > 0 else errors)


def weighted_median(values: NDArray[np.float64], weights: Sequence[float]) -> NDArray[np.float64]:
    """(n,) of (n, m) values, m of them with weights: the smallest with half of the weight at or below it.

    >>> weighted_median(np.array([[3.0, 1.0, 2.0]]), [1.0, 1.0, 1.0])
    array([2.])
    """
    order = np.argsort(values, axis=1, kind="stable")
    total = np.cumsum(np.asarray(weights, dtype=np.float64)[order], axis=1)
    place = (total >= 0.5 * total[:, -1:]).argmax(axis=1)
    return np.asarray(np.take_along_axis(values, order, axis=1)[np.arange(len(values)), place])
