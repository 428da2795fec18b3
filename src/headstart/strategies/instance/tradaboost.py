"""TrAdaBoost: boosting that trusts a source row less each time it misleads."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._boosting import source_rate
from headstart.strategies.instance._labelled_target import LabelledTarget

LEAST_ERROR = 1e-6
"""Smaller errors on the target count as this: a model without any would be the only one to vote."""


class TrAdaBoost(LabelledTarget):
    """Reweighs after each model: wrong target rows gain, wrong source rows lose. The second half of the models votes.

    Args:
        estimator: a classifier whose ``fit`` takes ``sample_weight``.
        n_estimators: models at most; it stops early at a model no better than chance on the target.

    Attributes:
        estimators_: fitted models.
        estimator_weights_: of their votes.
        weights_: (n_source,) mean 1, of the last round.

    Source: Dai, Yang, Xue and Yu, Boosting for Transfer Learning, ICML 2007; several classes as in Zhu, Zou, Rosset and
    Hastie, Multi-class AdaBoost, Statistics and Its Interface 2 (2009).
    """

    name: ClassVar[str] = "tradaboost"

    def __init__(self, estimator: Any, *, n_estimators: int = 20) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators

    def _learn(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        few: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[np.float64],
        sample_domain: Any,
    ) -> None:
        rows, codes, n = np.concatenate([X, few]), np.concatenate([y, labels]), len(X)
        share = np.concatenate([weights, np.ones(len(few))])
        k, rate = max(2, len(self.classes_)), source_rate(n, self.n_estimators)
        models: list[Any] = []
        votes: list[float] = []
        for _ in range(self.n_estimators):
            share = share / share.sum()
            model = self._fresh().fit(rows, codes, **{self._keyword(): share})
            is_wrong = model.predict(rows) != codes
            error = float(share[n:] @ is_wrong[n:] / share[n:].sum())
            if error >= 1 - 1 / k - LEAST_ERROR and models:
                break
            error = min(max(error, LEAST_ERROR), 1 - 1 / k - LEAST_ERROR)
            vote = float(np.log((1 - error) / error) + np.log(k - 1))
            models.append(model)
            votes.append(vote)
            share = share * np.exp(np.where(np.arange(len(rows)) < n, np.log(rate), vote) * is_wrong)
        first = (len(votes) + 1) // 2 - 1
        self.estimators_, self.estimator_weights_ = models[first:], np.array(votes[first:])
        self.weights_ = share[:n] / share[:n].mean()

    def _values(self, X: NDArray[Any]) -> NDArray[np.float64]:
        totals = np.zeros((len(X), len(self.classes_)))
        for model, vote in zip(self.estimators_, self.estimator_weights_, strict=True):
            totals[np.arange(len(X)), model.predict(X).astype(np.int64)] += vote
        return totals
