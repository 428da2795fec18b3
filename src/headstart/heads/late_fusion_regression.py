"""Late fusion of numbers: a predictor for each part, weighed by how well it predicts rows that it did not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_regressors import fit_regressors, regressors_say
from headstart.heads._blocks import slices_of
from headstart.heads._regressor import Regressor
from headstart.heads._target_scale import TargetScale


class LateFusionRegression(Regressor):
    """One predictor a part; what they say beyond the mean is weighed and added up.

    ``mean(y) + sum_b w_b (p_b(x_b) - mean(y))``: with weights that sum to 1 for parts that tell the same, with weights
    of 1 each for parts that tell something of their own, so their sum is left free. A missing part adds nothing.
    The weights, at least 0, minimise the squared error of held-out predictions. Each predictor is ridge regression, or
    boosted trees where those do better on a narrow block.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        random_state: seed of the folds.

    Source: Breiman, Stacked regressions, Machine Learning 24 (1996); Lawson and Hanson, Solving least squares
    problems (1974), for the weights.
    """

    name: ClassVar[str] = "late_fusion_regression"
    cost_rank: ClassVar[int] = 11
    is_general: ClassVar[bool] = False

    def __init__(self, *, blocks: Sequence[int] = (), random_state: int | None = 0) -> None:
        self.blocks = blocks
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) numbers."""
        X, y, weights = self._begin_fit(X, y, sample_weight)
        slices = slices_of(self.blocks, X.shape[1])
        unit = TargetScale.of(y, weights)
        numbers = unit.into(y)
        self.experts_, said = fit_regressors(X, numbers, weights, slices, random_state=self.random_state)
        self.weights_ = stacked(said, numbers, weights)
        self.centre_, self.unit_ = unit.mean, unit.scale
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X = self._rows(X)
        said = regressors_say(self.experts_, X, slices_of(self.blocks, X.shape[1]))
        return TargetScale(self.centre_, self.unit_).back(self.weights_ @ said)


def stacked(said: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_parts,) weights, at least 0, of the least squared error.

    Args:
        said: (n_parts, n) what predictors say of rows that they did not see.
        y: (n,) numbers.
        weights: (n,) of the rows.
    """
    from scipy.optimize import nnls

    root = np.sqrt(weights)
    found, _ = nnls((said * root).T, y * root)
    return np.asarray(found)
