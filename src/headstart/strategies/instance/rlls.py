"""Regularised learning under label shift: black-box estimation that trusts small samples less."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._label_shift import fit_posteriors
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting


class RLLS(Weighting):
    """Class weights 1 + theta of least ``|C theta - (mu - C 1)| + delta |theta|``, theta >= -1.

    C and mu are those of BBSE. Without evidence of a shift theta is exactly 0.

    Args:
        classifier: with ``predict_proba``; None is logistic regression with its penalty cross-validated.
        strength: multiplies the paper's bound on the error of C, which is delta; 0.01 as in its experiments.
        confidence: 0..1, of that bound.
        is_soft: True counts probabilities, False predicted classes.
        n_folds: stratified folds of the cross-fitting.
        random_state: seed of the folds.

    Attributes:
        class_weights_: (k,) ratio of target to source share.
        classes_: (k,) labels.
        delta_: of the penalty.

    Source: Azizzadenesheli, Liu, Yang and Anandkumar, Regularized Learning for Domain Adaptation under Label Shifts,
    ICLR 2019.
    """

    name: ClassVar[str] = "rlls"
    needs_source_labels: ClassVar[bool] = True

    def __init__(
        self,
        classifier: Any = None,
        *,
        strength: float = 0.01,
        confidence: float = 0.95,
        is_soft: bool = True,
        n_folds: int = 5,
        random_state: int | None = 0,
    ) -> None:
        self.classifier = classifier
        self.strength = strength
        self.confidence = confidence
        self.is_soft = is_soft
        self.n_folds = n_folds
        self.random_state = random_state

    def _takes_sparse(self) -> bool:
        return self.classifier is not None

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        known = fit_posteriors("RLLS", pair, self.classifier, n_folds=self.n_folds, random_state=self.random_state)
        joint, target = known.confusion(is_soft=self.is_soft)
        logs = float(np.log(2 * len(known.classes) / (1 - self.confidence)))
        n = pair.n_source
        self.delta_ = self.strength * 3 * (2 * logs / (3 * n) + float(np.sqrt(2 * logs / n)))
        self.class_weights_ = 1 + regularised_shift(joint, target - joint.sum(axis=1), self.delta_)
        self.classes_ = known.classes
        return np.asarray(self.class_weights_[known.codes])


def regularised_shift(joint: NDArray[np.float64], change: NDArray[np.float64], delta: float) -> NDArray[np.float64]:
    """(k,) theta >= -1 of least ``|joint theta - change| + delta |theta|``, a convex problem.

    Its solution is that of ``|joint theta - change|^2 + p |theta|^2`` for one p, which is searched for.
    """
    from scipy.optimize import minimize_scalar, nnls

    k = len(change)

    def ridge(log_penalty: float) -> NDArray[np.float64]:
        root = np.exp(log_penalty / 2)
        stacked = np.vstack([joint, root * np.eye(k)])  # in theta + 1 >= 0
        goal = np.concatenate([change + joint.sum(axis=1), np.full(k, root)])
        return np.asarray(nnls(stacked, goal)[0] - 1)

    def objective(theta: NDArray[np.float64]) -> float:
        return float(np.linalg.norm(joint @ theta - change) + delta * np.linalg.norm(theta))

    grid = np.linspace(-30.0, 12.0, 85)
    values = [objective(ridge(place)) for place in grid]
    best = int(np.argmin(values))
    around = (grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)])
    found = minimize_scalar(
        lambda place: objective(ridge(place)), bounds=around, method="bounded", options={"xatol": 1e-10}
    )
    candidates = [np.zeros(k), ridge(float(grid[best])), ridge(float(found.x))]
    return min(candidates, key=objective)
