"""The target's class shares by matching kernel means."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.box_qp import Box, minimise_box_quadratic
from headstart.strategies._mathematics.hessians import DenseHessian
from headstart.strategies._mathematics.kernel_means import drawn_rows, kernel_mean, pooled_gaussian
from headstart.strategies._mathematics.kernels import Kernel
from headstart.strategies._mathematics.nystrom import Nystrom
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

DENSE_ROWS = 3000
"""Rows of either domain up to which every pair of rows is looked at."""
BLOCK_ROWS = 8192


class MMDTargetShift(Weighting):
    """Class shares q of least ``|sum_c q_c mean_class phi - mean_target phi|^2``, q >= 0, sum 1.

    For label shift: the mixture of the classes' kernel means that comes nearest to the target's. No classifier is
    fitted. Above 3,000 rows the kernel is that of Nystrom features.

    Args:
        gamma: of the Gaussian kernel, or "median".
        n_landmarks: rows that carry the Nystrom features.
        random_state: seed of the landmarks.

    Attributes:
        shares_: (k,) of the classes in the target.
        class_weights_: (k,) ratio of target to source share.
        classes_: (k,) labels.

    Source: Zhang, Scholkopf, Muandet and Wang, Domain Adaptation under Target and Conditional Shift, ICML 2013; for
    classes as in Iyer, Nath and Sarawagi, Maximum Mean Discrepancy for Class Ratio Estimation, ICML 2014.
    """

    name: ClassVar[str] = "mmd_target_shift"
    needs_source_labels: ClassVar[bool] = True

    def __init__(self, gamma: float | str = "median", *, n_landmarks: int = 500, random_state: int | None = 0) -> None:
        self.gamma = gamma
        self.n_landmarks = n_landmarks
        self.random_state = random_state

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        codes, self.classes_ = pair.codes("MMDTargetShift")
        kernel = pooled_gaussian(self.gamma, pair.source, pair.target, random_state=self.random_state)
        parts = [pair.source[codes == code] for code in range(len(self.classes_))] + [pair.target]
        is_dense = max(pair.n_source, pair.n_target) <= DENSE_ROWS
        products = _dense_products(kernel, parts) if is_dense else self._products(kernel, pair, parts)
        within, pull = products[:-1, :-1], products[:-1, -1]
        solution = minimise_box_quadratic(DenseHessian(within), pull, Box(1.0, 1.0, 1.0), tol=1e-12)
        self.shares_ = solution.point / solution.point.sum()
        self.class_weights_ = self.shares_ * len(codes) / np.bincount(codes)
        return np.asarray(self.class_weights_[codes])

    def _products(self, kernel: Kernel, pair: Pair, parts: list[NDArray[Any]]) -> NDArray[np.float64]:
        half = self.n_landmarks // 2
        rows = np.concatenate([drawn_rows(X, half, self.random_state) for X in (pair.source, pair.target)])
        features_of = Nystrom.of(kernel, rows, len(rows))
        means = np.zeros((len(parts), features_of.n_features))
        for place, part in enumerate(parts):
            for start in range(0, len(part), BLOCK_ROWS):
                means[place] += features_of(part[start : start + BLOCK_ROWS].astype(np.float64)).sum(axis=0)
            means[place] /= len(part)
        return np.asarray(means @ means.T)


def _dense_products(kernel: Kernel, parts: list[NDArray[Any]]) -> NDArray[np.float64]:
    """(k + 1, k + 1) inner products of the mean features of each part."""
    exact = [part.astype(np.float64) for part in parts]
    result = np.empty((len(parts), len(parts)))
    for i, one in enumerate(exact):
        for j, other in enumerate(exact[: i + 1]):
            result[i, j] = result[j, i] = kernel_mean(kernel, one, other).mean()
    return result
