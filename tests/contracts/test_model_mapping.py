"""scikit-learn's checks over the estimators that map a source model to a target."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.strategies.parameter.label_mapping import METHODS, LabelMapping
from headstart.strategies.parameter.regular_transfer_lc import RegularTransferLC
from headstart.strategies.parameter.regular_transfer_logistic import RegularTransferLogistic
from headstart.strategies.parameter.regular_transfer_lr import RegularTransferLR
from headstart.strategies.parameter.stacked_source import StackedSource

pytestmark = pytest.mark.slow


class SaysForAnyWidth(ClassifierMixin, BaseEstimator):
    """A classifier of before, for rows of any width; the checks come with many."""

    classes_ = np.array(["high", "low", "middle", "other"])

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        X = np.asarray(X, dtype=np.float64)
        places = np.array([-1.0, 0.0, 1.0, 2.0])
        closeness = 1 / (0.1 + (X.mean(axis=1)[:, None] - places) ** 2)
        return closeness / closeness.sum(axis=1, keepdims=True)


class SumsForAnyWidth(RegressorMixin, BaseEstimator):
    """A linear regression of before, for rows of any width."""

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.asarray(X, dtype=np.float64).sum(axis=1) - 1.0


LEFT_OUT = "the pull is chosen by leaving rows out one by one or in folds, so a row of weight 2 is not two rows"
FOLDED = "the source is fitted in folds of rows, so a row of weight 2 is not two rows"
ONE_NUMBER = "the source gives one number, and is refused where several are wanted"
NOT_TRAINED = "the source answers as it was made; nothing here learns to tell these classes"
WEIGHTS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
SAYS, SUMS = FrozenEstimator(SaysForAnyWidth()), FrozenEstimator(SumsForAnyWidth())
MEMBERS = [
    RegularTransferLR(),
    RegularTransferLR(SUMS, alpha=1.0),
    RegularTransferLR(alpha=1.0, ties_intercept=True),
    RegularTransferLC(),
    RegularTransferLC(alpha=1.0),
    RegularTransferLogistic(),
    RegularTransferLogistic(C=1.0),
    StackedSource(LogisticRegression(tol=1e-10, max_iter=1000), SAYS),
    StackedSource(LogisticRegression(tol=1e-10, max_iter=1000), SAYS, keeps_inputs=False),
    StackedSource(LogisticRegression(tol=1e-10, max_iter=1000), LogisticRegression(), n_folds=2),
    StackedSource(Ridge(), SUMS),
    StackedSource(Ridge(), Ridge(), form="plain"),
    *(LabelMapping(SAYS, method=name) for name in METHODS if name in ("bayesian", "expected", "frequent")),
]


def _expected(estimator):
    failures = {}
    if getattr(estimator, "alpha", 1) is None or getattr(estimator, "C", 1) is None:
        failures |= dict.fromkeys(WEIGHTS, LEFT_OUT)
    if isinstance(estimator, RegularTransferLR) and estimator.source is not None:
        failures |= {"check_regressor_multioutput": ONE_NUMBER}
    if isinstance(estimator, LabelMapping) or not getattr(estimator, "keeps_inputs", True):
        failures |= {"check_classifiers_train": NOT_TRAINED}
    if isinstance(estimator, StackedSource) and not isinstance(estimator.source, FrozenEstimator):
        failures |= dict.fromkeys(WEIGHTS, FOLDED)
    return failures


@parametrize_with_checks(MEMBERS, expected_failed_checks=_expected)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
