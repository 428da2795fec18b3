"""scikit-learn's checks over ``Reweighted``, plain and with a target, and ours; each of ours with a broken member."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.strategies.instance.bbse import BBSE
from headstart.strategies.instance.kmm import KMM
from headstart.strategies.instance.nearest_neighbours import NearestNeighbours
from headstart.strategies.instance.registry import WEIGHTINGS
from headstart.strategies.instance.reweighted import Reweighted
from headstart.testing import strategy_checks as checks

WEIGHTED_ROWS = "a weighting counts rows: a row of sample weight 2 is not two rows of the source"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTED_ROWS,
    "check_sample_weight_equivalence_on_sparse_data": WEIGHTED_ROWS,
}


class ReweightedWithTarget(checks.SuppliedTarget, Reweighted):
    """What scikit-learn's checks see of the adapting half."""


def _logistic():
    return LogisticRegression(tol=1e-10, max_iter=1000)


@parametrize_with_checks([Reweighted(_logistic(), KMM()), Reweighted(Ridge(), KMM())])
def test_scikit_learn_checks_without_a_target(estimator, check):
    check(estimator)


QUICK = ("kmm", "bbse")
"""Weightings that are checked every time; the slow tests check the others, dozens of checks each."""


def _adapting(chosen):
    return [ReweightedWithTarget(_logistic(), WEIGHTINGS.make(name)) for name in chosen]


@parametrize_with_checks(_adapting(QUICK), expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_scikit_learn_checks_with_a_target(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        *_adapting([name for name in WEIGHTINGS.names() if name not in QUICK]),
        *(ReweightedWithTarget(Ridge(), WEIGHTINGS.make(name)) for name in ("kmm", "balanced")),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_checks_of_the_others_with_a_target(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", checks.STRATEGY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", WEIGHTINGS.names())
def test_reweighted(name, check):
    check(Reweighted(_logistic(), WEIGHTINGS.make(name)))


class Deaf(Reweighted):
    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        return super().fit(X, y)


class Writing(Reweighted):
    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        super().fit(X, y, X_target=X_target, y_target=y_target)
        y[0] = y[-1]
        return self


class Reading(Reweighted):
    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        guessed = y_target if y_target is None else np.where(np.equal(y_target, None), np.unique(y)[0], y_target)
        return super().fit(X, y, X_target=X_target, y_target=guessed)


class Naming(Reweighted):
    def predict(self, X, *, sample_domain=None):
        return np.sort(super().predict(X))


class Restless(Reweighted):
    def predict_proba(self, X, *, sample_domain=None):
        return super().predict_proba(X) + np.random.default_rng().uniform()


class Arrays(Reweighted):
    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        X.mean(axis=0)
        return super().fit(X, y, X_target=X_target, y_target=y_target)


class Obliging(Reweighted):
    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        return super().fit(X, y, X_target=None if X_target is None else np.nan_to_num(X_target), y_target=y_target)


class Aimless(Reweighted):
    def predict(self, X):
        return super().predict(X)


BROKEN = {
    "check_strategy_is_plain_without_target": Deaf,
    "check_strategy_leaves_input": Writing,
    "check_strategy_cannot_read_missing_labels": Reading,
    "check_strategy_ignores_class_names": Naming,
    "check_strategy_repeats": Restless,
    "check_strategy_takes_any_rows": Arrays,
    "check_strategy_refuses_bad_rows": Obliging,
    "check_strategy_takes_rows_of_a_source": Aimless,
}


@pytest.mark.parametrize("check", checks.STRATEGY_CHECKS, ids=lambda check: check.__name__)
def test_each_check_bites(check):
    raised = {"Arrays": AttributeError, "Aimless": TypeError, "Writing": ValueError}
    broken = BROKEN[check.__name__]
    with pytest.raises(raised.get(broken.__name__, AssertionError)):
        check(broken(_logistic(), NearestNeighbours()))


def test_a_tree_and_label_shift_work_too():
    for check in checks.STRATEGY_CHECKS:
        if check is not checks.check_strategy_ignores_class_names:  # a tree breaks ties by the order of the classes
            check(Reweighted(DecisionTreeClassifier(random_state=0), BBSE()))
