"""TrAdaBoost for regression."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._boosting import adjusted_errors, source_rate, weighted_median
from headstart.strategies.instance._labelled_target import LabelledTarget

LEAST_ERROR = 1e-6


class TrAdaBoostR2(LabelledTarget):
    """TrAdaBoost with errors relative to the largest; the weighted median of the second half of the models.

    Args:
        estimator: a regressor whose ``fit`` takes ``sample_weight``.
        n_estimators: models at most; it stops early where the target's mean relative error reaches a half.

    Attributes:
        estimators_: fitted models.
        estimator_weights_: of the median.
        weights_: (n_source,) mean 1, of the last round.

    Source: Pardoe and Stone, Boosting for Regression Transfer, ICML 2010.
    """

    name: ClassVar[str] = "tradaboost_r2"
    kind: ClassVar[str] = "regressor"

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
        rows, values, n = np.concatenate([X, few]), np.concatenate([y, labels]), len(X)
        share = np.concatenate([weights, np.ones(len(few))])
        rate = source_rate(n, self.n_estimators)
        models: list[Any] = []
        votes: list[float] = []
        for _ in range(self.n_estimators):
            share = share / share.sum()
            model = self._fresh().fit(rows, values, **{self._keyword(): share})
            errors = adjusted_errors(values, model.predict(rows))
            error = float(share[n:] @ errors[n:] / share[n:].sum())
            if error >= 0.5 - LEAST_ERROR and models:
                break
            error = min(max(error, LEAST_ERROR), 0.5 - LEAST_ERROR)
            vote = float(np.log((1 - error) / error))
            models.append(model)
            votes.append(vote)
            share = share * np.exp(np.where(np.arange(len(rows)) < n, np.log(rate), vote) * errors)
        first = (len(votes) + 1) // 2 - 1
        self.estimators_, self.estimator_weights_ = models[first:], np.array(votes[first:])
        self.weights_ = share[:n] / share[:n].mean()

    def _values(self, X: NDArray[Any]) -> NDArray[np.float64]:
        predicted = np.column_stack([model.predict(X) for model in self.estimators_])
        return weighted_median(predicted, self.estimator_weights_.tolist())
