"""Late fusion of several labels: a predictor for each part, weighed label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_labellers import as_classes, fit_labellers, labellers_proba
from headstart.heads._blocks import slices_of
from headstart.heads._log_pool import evidence, fit_pool, pooled
from headstart.heads._multi_label_head import MultiLabelHead, smoothed_shares


class LateFusionLabels(MultiLabelHead):
    """One predictor a part, their evidence about each label added up in log-odds.

    With the label's share ``s`` the log-odds are ``logit(s) + sum_b w_b (logit(p_b) - logit(s))``, for each label with
    weights of its own: one part may tell some labels, another part others. A missing part adds nothing. The weights, at
    least 0, minimise the penalised log-loss of held-out probabilities. Each predictor is ridge regression with logistic
    curves, or logistic regression where that does better on a narrow block.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        penalty: on the squared weights, for each row.
        random_state: seed of the folds.

    Source: Wolpert, Stacked generalization, Neural Networks 5 (1992), one label at a time.
    """

    name: ClassVar[str] = "late_fusion_labels"
    cost_rank: ClassVar[int] = 11
    is_general: ClassVar[bool] = False

    def __init__(self, *, blocks: Sequence[int] = (), penalty: float = 1e-4, random_state: int | None = 0) -> None:
        self.blocks = blocks
        self.penalty = penalty
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to (n, d) rows and (n, n_labels) of 0 and 1."""
        X, targets = self._begin_fit(X, y)
        slices = slices_of(self.blocks, X.shape[1])
        self.shares_ = smoothed_shares(targets)
        self.experts_, proba = fit_labellers(X, targets, self.shares_, slices, random_state=self.random_state)
        self.weights_ = np.zeros((len(slices), self.n_labels_))
        shares, ones = self.shares_[None], np.ones(len(X))
        for label in np.flatnonzero(np.ptp(targets, axis=0) > 0).tolist():
            share = as_classes(shares, label)[0]
            terms, codes = evidence(as_classes(proba, label), share), targets[:, label].astype(np.int64)
            self.weights_[:, label] = fit_pool(terms, share, codes, ones, penalty=self.penalty, at_least=0.0)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        X = self._rows(X)
        proba = labellers_proba(self.experts_, X, slices_of(self.blocks, X.shape[1]), self.shares_)
        found = np.empty(proba.shape[1:])
        for label in range(self.n_labels_):
            share = as_classes(self.shares_[None], label)[0]
            terms = evidence(as_classes(proba, label), share)
            found[:, label] = pooled(terms, self.weights_[:, label], share)[:, 1]
        return found
