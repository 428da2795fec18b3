"""Two-stage TrAdaBoost for regression: source weights first, then boosting on the target with these frozen."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._boosting import adjusted_errors, weighted_median
from headstart.strategies.instance._cross_fitting import stratified_parts
from headstart.strategies.instance._labelled_target import LabelledTarget

LEAST_ERROR = 1e-6

Model = tuple[list[Any], list[float]]
"""Models and the weights of their median."""


class TwoStageTrAdaBoostR2(LabelledTarget):
    """Lowers the weight of the source step by step; of all steps the one of least cross-validated target error stays.

    At each step the target's share of the weight grows evenly from what it is to all of it, source rows losing the more
    the larger their error; then AdaBoost.R2 runs with the source's weights frozen.

    Args:
        estimator: a regressor whose ``fit`` takes ``sample_weight``.
        n_steps: of the first stage.
        n_estimators: models of each boosting.
        n_folds: of the target rows.
        random_state: seed of the folds.

    Attributes:
        estimators_: fitted models of the step that was kept.
        estimator_weights_: of their median.
        errors_: (n_steps,) cross-validated mean squared errors on the target.
        weights_: (n_source,) mean 1, of the step that was kept.

    Source: Pardoe and Stone, Boosting for Regression Transfer, ICML 2010.
    """

    name: ClassVar[str] = "two_stage_tradaboost_r2"
    kind: ClassVar[str] = "regressor"

    def __init__(
        self,
        estimator: Any,
        *,
        n_steps: int = 10,
        n_estimators: int = 10,
        n_folds: int = 5,
        random_state: int | None = 0,
    ) -> None:
        self.estimator = estimator
        self.n_steps = n_steps
        self.n_estimators = n_estimators
        self.n_folds = n_folds
        self.random_state = random_state

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
        share = share / share.sum()
        start, errors, kept = float(share[n:].sum()), [], share
        for step in range(self.n_steps):
            errors.append(self._cross_validated(rows, values, share, n))
            if errors[-1] <= min(errors):
                kept = share
            plain = self._fresh().fit(rows, values, **{self._keyword(): share})
            goal = start + (step + 1) / max(1, self.n_steps - 1) * (1 - start)
            share = lowered(share, adjusted_errors(values, plain.predict(rows)), n, min(goal, 1 - 1e-6))
        self.errors_ = np.array(errors)
        self.estimators_, self.estimator_weights_ = self._boosted(rows, values, kept, n)
        self.weights_ = kept[:n] / kept[:n].mean()

    def _cross_validated(self, rows: NDArray[Any], values: NDArray[Any], share: NDArray[np.float64], n: int) -> float:
        """Mean squared error of target rows left out; of the target itself where it has one row."""
        m = len(rows) - n
        if m < 2:
            return float(((_median(self._boosted(rows, values, share, n), rows[n:]) - values[n:]) ** 2).mean())
        part = stratified_parts(np.zeros(m, dtype=np.int64), min(self.n_folds, m), self.random_state)
        total = 0.0
        for fold in range(int(part.max()) + 1):
            train = np.concatenate([np.arange(n), n + np.flatnonzero(part != fold)])
            valid = n + np.flatnonzero(part == fold)
            model = self._boosted(rows[train], values[train], share[train], n)
            total += float(((_median(model, rows[valid]) - values[valid]) ** 2).sum())
        return total / m

    def _boosted(self, rows: NDArray[Any], values: NDArray[Any], share: NDArray[np.float64], n: int) -> Model:
        """AdaBoost.R2 in which the weights of the first ``n`` rows, and the sum of the others, stay."""
        models: list[Any] = []
        votes: list[float] = []
        share = share / share.sum()
        of_target = float(share[n:].sum())
        for _ in range(self.n_estimators):
            model = self._fresh().fit(rows, values, **{self._keyword(): share})
            errors = adjusted_errors(values, model.predict(rows))
            error = float(share @ errors)
            if error >= 0.5 - LEAST_ERROR and models:
                break
            error = min(max(error, LEAST_ERROR), 0.5 - LEAST_ERROR)
            rate = error / (1 - error)
            models.append(model)
            votes.append(float(-np.log(rate)))
            moved = share[n:] * rate ** (1 - errors[n:])
            share = np.concatenate([share[:n], moved * of_target / moved.sum()])
        return models, votes

    def _values(self, X: NDArray[Any]) -> NDArray[np.float64]:
        return _median((self.estimators_, self.estimator_weights_), X)


def lowered(share: NDArray[np.float64], errors: NDArray[np.float64], n: int, goal: float) -> NDArray[np.float64]:
    """Weights ``share_i rate^errors_i`` of the first ``n`` rows, sum 1, the rate such that the others have ``goal``.

    Args:
        share: (n + m,) weights, sum 1.
        errors: (n + m,) 0..1.
        n: source rows.
        goal: 0..1, wanted share of the m target rows; reached but where too many source rows have no error.
    """
    from scipy.optimize import brentq

    def left(log_rate: float) -> NDArray[np.float64]:
        moved = share.copy()
        moved[:n] *= np.exp(log_rate * errors[:n])
        return np.asarray(moved / moved.sum())

    def missing(log_rate: float) -> float:
        return float(left(log_rate)[n:].sum()) - goal

    smallest = -700.0
    if missing(0.0) >= 0 or missing(smallest) <= 0:
        return left(0.0 if missing(0.0) >= 0 else smallest)
    return left(float(brentq(missing, smallest, 0.0, xtol=1e-12)))


def _median(model: Model, X: NDArray[Any]) -> NDArray[np.float64]:
    return weighted_median(np.column_stack([one.predict(X) for one in model[0]]), model[1])
