"""Logistic regression that stays near the weights of a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.data.folds import folds
from headstart.errors import InputError
from headstart.strategies.parameter._prior_logistic import FREE, HELD, TIED, PriorLogistic, cross_entropy
from headstart.strategies.source_weights import SourceWeights

N_CANDIDATES = 9


@dataclass(frozen=True, eq=False)
class Prior:
    """Something to shrink to: (m, d) weights and (m,) intercepts, which are pulled too or free; a source's or 0."""

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    ties_intercept: bool
    uses_source: bool


class RegularTransferLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression toward the source: ``min C sum_i s_i cross_entropy_i + |W - W_source|^2 / 2``.

    Without ``source`` it is scikit-learn's. Classes are those of the same name in the source; new ones begin with 0.
    Without ``C`` the one of least out-of-fold log-loss is taken, and where shrinking to 0 has less than shrinking to
    the source, the source is left alone.

    Args:
        source: as in ``RegularTransferLR``, a classifier whose scores are log-odds, such as logistic regression.
        C: weight of the rows against the pull, above 0; None chooses.
        ties_intercept: True pulls the intercepts too, False leaves them free; None pulls them to a source's and leaves
            them free where there is none.
        n_folds: of the choice.
        random_state: seed of the folds.

    Attributes:
        classes_: (n_classes,) sorted.
        coef_: (n_classes, d), or (1, d) for two classes.
        intercept_: (n_classes,) or (1,).
        C_: the weight of the rows.
        adapted_: whether the source was used.

    Source: Chelba and Acero, Adaptation of maximum entropy capitalizer: little data can help a lot, Computer Speech and
    Language 2006.
    """

    name: ClassVar[str] = "regular_transfer_logistic"

    def __init__(
        self,
        source: Any = None,
        *,
        C: float | None = None,
        ties_intercept: bool | None = None,
        n_folds: int = 5,
        random_state: int | None = 0,
    ) -> None:
        self.source = source
        self.C = C
        self.ties_intercept = ties_intercept
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from (n, d) target rows and (n,) labels.

        Raises:
            InputError: the source does not fit, there is one class only, or a setting makes no sense.
        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        if not (self.C is None or self.C > 0) or self.n_folds < 2:
            got = f"{self.C!r} and {self.n_folds!r}"
            raise InputError(f"RegularTransferLogistic needs C above 0 or None and n_folds of at least 2, got {got}.")
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError("RegularTransferLogistic needs at least 2 classes, got 1 class. Add examples of another.")
        n_rows = 1 if len(self.classes_) == 2 else len(self.classes_)
        zero = Prior(np.zeros((n_rows, X.shape[1])), np.zeros(n_rows), self.ties_intercept is True, False)
        priors = [zero] if self.source is None else [self._prior(X.shape[1]), zero]
        rows, best = X.astype(np.float64), priors[0]
        best, self.C_ = self._chosen(rows, codes, weights, priors) if self.C is None else (best, float(self.C))
        solver = PriorLogistic(rows, codes, len(self.classes_), weights, TIED if best.ties_intercept else FREE)
        coef, intercept = solver.solve(best.coef, best.intercept, self.C_)
        self.adapted_ = best.uses_source
        self.coef_, self.intercept_ = coef.astype(X.dtype), intercept.astype(X.dtype)
        return self

    def _prior(self, n_features: int) -> Prior:
        found = SourceWeights.of("RegularTransferLogistic", self.source, n_features)
        coef, intercept = found.for_classes("RegularTransferLogistic", self.classes_, of_two=0.5)
        if len(self.classes_) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return Prior(coef, intercept, self.ties_intercept is not False, True)

    def _chosen(
        self, X: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64], priors: list[Prior]
    ) -> tuple[Prior, float]:
        """The prior and C of least out-of-fold log-loss; of equal ones the first prior and the strongest pull."""
        n_classes, heavy = len(self.classes_), np.flatnonzero(weights > 0)
        Cs = np.logspace(-3, 4, N_CANDIDATES) * 4 / PriorLogistic(X, codes, n_classes, weights).largest
        losses = np.zeros((len(priors), N_CANDIDATES))
        for train, valid in folds(codes[heavy], n_folds=min(self.n_folds, len(heavy)), random_state=self._seed()):
            train, valid = heavy[train], heavy[valid]
            for number, prior in enumerate(priors):
                pull = TIED if prior.ties_intercept else HELD
                solver = PriorLogistic(X[train], codes[train], n_classes, weights[train], pull, is_rough=True)
                for place, C in enumerate(Cs):
                    coef, intercept = solver.solve(prior.coef, prior.intercept, float(C))
                    each, _ = cross_entropy(X[valid] @ coef.T + intercept, codes[valid])
                    losses[number, place] += float(weights[valid] @ each)
        number, place = divmod(int(losses.argmin()), N_CANDIDATES)
        return priors[number], float(Cs[place])

    def _seed(self) -> int:
        return 0 if self.random_state is None else int(self.random_state)

    def decision_function(self, X: Any) -> NDArray[Any]:
        """(n, n_classes) scores; (n,) log-odds of the second of two classes."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        scores = X @ self.coef_.T + self.intercept_
        return np.asarray(scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """(n, n_classes) probabilities of ``classes_``."""
        from scipy.special import expit, softmax

        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([expit(-scores), expit(scores)])
        return np.asarray(softmax(scores, axis=1))

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) most probable labels."""
        scores = self.decision_function(X)
        codes = (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[codes])
