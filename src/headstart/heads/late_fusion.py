"""Late fusion: a predictor for each part, weighed by how well it predicts rows that it did not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_experts import experts_proba, fit_experts
from headstart.heads._blocks import slices_of
from headstart.heads._head import ClassWeight, Head
from headstart.heads._log_pool import evidence, fit_pool, pooled


class LateFusion(Head):
    """One predictor a part, their evidence added up in log-probabilities.

    With the classes' shares ``pi`` it is the softmax of ``log pi(y) + sum_b w_b (log p_b(y | x_b) - log pi(y))``: with
    weights of 1 the product rule for parts that are independent given the class, with smaller ones for parts that tell
    the same. A missing part adds nothing. The weights, at least 0, minimise the log-loss of held-out probabilities,
    a convex problem. Each predictor is logistic regression, or boosted trees where those do better on a narrow block.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        random_state: seed of the folds and the trees.

    Source: Wolpert, Stacked generalization, Neural Networks 5 (1992); the product rule as in Kittler et al., On
    combining classifiers, IEEE PAMI 20 (1998).
    """

    name: ClassVar[str] = "late_fusion"
    cost_rank: ClassVar[int] = 11
    is_general: ClassVar[bool] = False

    def __init__(
        self,
        *,
        blocks: Sequence[int] = (),
        class_weight: ClassWeight = None,
        random_state: int | None = 0,
    ) -> None:
        self.blocks = blocks
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        slices = slices_of(self.blocks, X.shape[1])
        self.experts_, proba = fit_experts(X, codes, weights, slices, random_state=self.random_state)
        self.shares_ = np.bincount(codes, weights=weights) / weights.sum()
        terms = evidence(proba, self.shares_)
        self.weights_ = fit_pool(terms, self.shares_, codes, weights, penalty=1e-6, at_least=0.0)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        proba = experts_proba(self.experts_, X, slices_of(self.blocks, X.shape[1]), self.shares_)
        return pooled(evidence(proba, self.shares_), self.weights_, self.shares_)
