"""Gated fusion: a predictor for each part, and a gate that says for every row how far to trust each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_experts import experts_proba, fit_experts
from headstart.heads._blocks import slices_of
from headstart.heads._head import ClassWeight, Head
from headstart.heads._log_pool import fit_pool, gated_terms, pooled


class GatedFusion(Head):
    """One predictor a part, their evidence added up with weights that depend on the row.

    As :class:`~headstart.heads.late_fusion.LateFusion`, but the weight of a part is a linear function of how sure its
    predictor is: of 1, of its margin (log-odds of the first over the second class it thinks of) and of its entropy.
    The gate is fitted to held-out probabilities by penalised maximum likelihood, which is convex.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        penalty: on the squared weights of the gate, for each row.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        random_state: seed of the folds and the trees.

    Source: gates between experts as in Jacobs, Jordan, Nowlan and Hinton, Neural Computation 3 (1991), and between
    modalities as in Arevalo et al., Gated multimodal units, ICLR workshop 2017.
    """

    name: ClassVar[str] = "gated_fusion"
    cost_rank: ClassVar[int] = 12
    is_general: ClassVar[bool] = False

    def __init__(
        self,
        *,
        blocks: Sequence[int] = (),
        penalty: float = 1e-3,
        class_weight: ClassWeight = None,
        random_state: int | None = 0,
    ) -> None:
        self.blocks = blocks
        self.penalty = penalty
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        slices = slices_of(self.blocks, X.shape[1])
        self.experts_, proba = fit_experts(X, codes, weights, slices, random_state=self.random_state)
        self.shares_ = np.bincount(codes, weights=weights) / weights.sum()
        terms = gated_terms(proba, self.shares_)
        self.gate_ = fit_pool(terms, self.shares_, codes, weights, penalty=self.penalty)  # (n_blocks * 3,)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        proba = experts_proba(self.experts_, X, slices_of(self.blocks, X.shape[1]), self.shares_)
        return pooled(gated_terms(proba, self.shares_), self.gate_, self.shares_)
