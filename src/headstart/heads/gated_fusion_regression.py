"""Gated fusion of numbers: a predictor for each part, and a gate that says for every row how far to trust each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_regressors import fit_regressors, regressors_say
from headstart.heads._blocks import presence, slices_of
from headstart.heads._regressor import Regressor
from headstart.heads._target_scale import TargetScale


class GatedFusionRegression(Regressor):
    """One predictor a part; what they say beyond the mean is added up with weights that depend on the row.

    The weight of a part is a linear function of 1, of how far from the mean it speaks (``|p| / (1 + |p|)``, in
    deviations of the target), and of the share of the other parts that the row lacks: alone, a part counts for more.
    The gate is fitted to held-out predictions by penalised least squares, in closed form.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        penalty: on the squared weights of the gate, for each row.
        random_state: seed of the folds.

    Source: gates between experts as in Jacobs, Jordan, Nowlan and Hinton, Neural Computation 3 (1991); weights that
    are linear functions as in Sill, Takacs, Mackey and Lin, Feature-weighted linear stacking, arXiv:0911.0460 (2009).
    """

    name: ClassVar[str] = "gated_fusion_regression"
    cost_rank: ClassVar[int] = 12
    is_general: ClassVar[bool] = False

    def __init__(self, *, blocks: Sequence[int] = (), penalty: float = 1e-3, random_state: int | None = 0) -> None:
        self.blocks = blocks
        self.penalty = penalty
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) numbers."""
        X, y, weights = self._begin_fit(X, y, sample_weight)
        slices = slices_of(self.blocks, X.shape[1])
        unit = TargetScale.of(y, weights)
        numbers = unit.into(y)
        self.experts_, said = fit_regressors(X, numbers, weights, slices, random_state=self.random_state)
        terms = gated_numbers(said, presence(X, slices))
        share = weights / weights.sum()
        gram = (terms * share) @ terms.T + self.penalty * np.eye(len(terms))
        self.gate_ = np.linalg.solve(gram, terms @ (share * numbers))  # (n_blocks * 3,)
        self.centre_, self.unit_ = unit.mean, unit.scale
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X = self._rows(X)
        slices = slices_of(self.blocks, X.shape[1])
        terms = gated_numbers(regressors_say(self.experts_, X, slices), presence(X, slices))
        return TargetScale(self.centre_, self.unit_).back(self.gate_ @ terms)


def gated_numbers(said: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n_blocks * 3, n) what each part says times 1, how far from the mean that is, and how many others are missing.

    Args:
        said: (n_blocks, n) numbers about 0.
        there: (n, n_blocks) True where a row has the part.
    """
    n_others = max(1, len(said) - 1)
    lacking = (~there).sum(axis=1) - (~there).T  # (n_blocks, n)
    seen = np.stack([np.ones_like(said), np.abs(said) / (1 + np.abs(said)), lacking / n_others], axis=1)
    return np.asarray((seen * said[:, None]).reshape(-1, said.shape[1]))
