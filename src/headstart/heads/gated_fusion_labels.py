"""Gated fusion of several labels: for every row and label a gate says how far to trust each part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_labellers import as_classes, fit_labellers, labellers_proba
from headstart.heads._blocks import slices_of
from headstart.heads._log_pool import fit_pool, gated_terms, pooled
from headstart.heads._multi_label_head import MultiLabelHead, smoothed_shares


class GatedFusionLabels(MultiLabelHead):
    """One predictor a part, their evidence about each label added up with weights that depend on the row.

    For each label by itself the weight of a part is a linear function of how sure its predictor is: of 1, of its margin
    and of its entropy, as in :class:`~headstart.heads.gated_fusion.GatedFusion` with two classes. The gates are fitted
    to held-out probabilities by penalised maximum likelihood.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        penalty: on the squared weights of the gates, for each row.
        random_state: seed of the folds.

    Source: gates between experts as in Jacobs, Jordan, Nowlan and Hinton, Neural Computation 3 (1991), one label at a
    time.
    """

    name: ClassVar[str] = "gated_fusion_labels"
    cost_rank: ClassVar[int] = 12
    is_general: ClassVar[bool] = False

    def __init__(self, *, blocks: Sequence[int] = (), penalty: float = 1e-3, random_state: int | None = 0) -> None:
        self.blocks = blocks
        self.penalty = penalty
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to (n, d) rows and (n, n_labels) of 0 and 1."""
        X, targets = self._begin_fit(X, y)
        slices = slices_of(self.blocks, X.shape[1])
        self.shares_ = smoothed_shares(targets)
        self.experts_, proba = fit_labellers(X, targets, self.shares_, slices, random_state=self.random_state)
        self.gate_ = np.zeros((3 * len(slices), self.n_labels_))
        for label in np.flatnonzero(np.ptp(targets, axis=0) > 0).tolist():
            share = as_classes(self.shares_[None], label)[0]
            terms, codes = gated_terms(as_classes(proba, label), share), targets[:, label].astype(np.int64)
            self.gate_[:, label] = fit_pool(terms, share, codes, np.ones(len(X)), penalty=self.penalty)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        X = self._rows(X)
        proba = labellers_proba(self.experts_, X, slices_of(self.blocks, X.shape[1]), self.shares_)
        found = np.empty(proba.shape[1:])
        for label in range(self.n_labels_):
            share = as_classes(self.shares_[None], label)[0]
            terms = gated_terms(as_classes(proba, label), share)
            found[:, label] = pooled(terms, self.gate_[:, label], share)[:, 1]
        return found
