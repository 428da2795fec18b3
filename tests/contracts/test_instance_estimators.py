"""scikit-learn's checks and ours over the instance methods that predict by themselves."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.errors import InputError
from headstart.strategies.instance.registry import INSTANCE_METHODS
from headstart.testing import strategy_checks as checks

POSITIONS = "rows are drawn, folded or boosted one by one, so a row of weight 2 is not two rows"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": POSITIONS,
    "check_sample_weight_equivalence_on_sparse_data": POSITIONS,
}
REGRESSORS = [
    name for name in INSTANCE_METHODS.names() if getattr(INSTANCE_METHODS.class_of(name), "kind", "") == "regressor"
]
CLASSIFIERS = [name for name in INSTANCE_METHODS.names() if name not in REGRESSORS]
SETTINGS = {
    "tradaboost": {"n_estimators": 5},
    "tradaboost_r2": {"n_estimators": 5},
    "two_stage_tradaboost_r2": {"n_estimators": 3, "n_steps": 3, "n_folds": 3},
}


WRAPPING = [name for name in INSTANCE_METHODS.names() if name != "robust_bias_aware"]


def _wrapped(name, is_strong):
    if name == "tradaboost" and is_strong:  # a linear model, boosted on classes that overlap, forgets what it knew
        return DecisionTreeClassifier(max_depth=5, random_state=0)
    if name == "transfer_tree":
        return DecisionTreeClassifier(random_state=0)
    if name == "transfer_forest":
        return RandomForestClassifier(n_estimators=5, random_state=0)
    return Ridge() if name in REGRESSORS else LogisticRegression(tol=1e-10, max_iter=1000)


def _make(name, *bases):
    found = INSTANCE_METHODS.class_of(name)
    settings = SETTINGS.get(name, {}) | ({"estimator": _wrapped(name, bool(bases))} if name in WRAPPING else {})
    return (type(found.__name__ + "WithTarget", (*bases, found), {}) if bases else found)(**settings)


def _supplied(name):
    """A class of this module's own, so that it can be pickled."""
    member = _make(name, checks.SuppliedTarget)
    member.__class__.__module__ = __name__
    globals()[member.__class__.__name__] = member.__class__
    return member


def _expected(estimator):
    is_tree = isinstance(getattr(estimator, "estimator", None), RandomForestClassifier)
    is_adapting = isinstance(estimator, checks.SuppliedTarget)
    return EXPECTED_FAILURES if is_tree or is_adapting else {}


@parametrize_with_checks([_make(name) for name in INSTANCE_METHODS.names()], expected_failed_checks=_expected)
def test_scikit_learn_checks_without_a_target(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([_supplied(name) for name in INSTANCE_METHODS.names()], expected_failed_checks=_expected)
def test_scikit_learn_checks_with_a_target(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", checks.STRATEGY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier(name, check):
    if name in WRAPPING or check is not checks.check_strategy_is_plain_without_target:
        check(_make(name))


@pytest.mark.parametrize("name", WRAPPING)
def test_labels_of_unlabelled_rows_are_not_read_and_their_rows_neither(name):
    rng = np.random.default_rng(0)
    S, T = rng.normal(size=(60, 3)), rng.normal(size=(30, 3)) + 0.5
    y = S[:, 0] if name in REGRESSORS else (S[:, 0] > 0).astype(int)
    few = np.array([None] * 30, dtype=object)
    few[:8] = (T[:8, 0] if name in REGRESSORS else (T[:8, 0] > 0).astype(int)).tolist()
    plain = _make(name).fit(S, y, X_target=T, y_target=few).predict(T)
    fewer = _make(name).fit(S, y, X_target=T[:8], y_target=few[:8]).predict(T)
    np.testing.assert_array_equal(plain, fewer)
    nans = few.copy()
    nans[8:] = float("nan")
    np.testing.assert_array_equal(plain, _make(name).fit(S, y, X_target=T, y_target=nans).predict(T))


@pytest.mark.parametrize("name", WRAPPING)
def test_the_other_kind_is_refused_by_name(name):
    other = LogisticRegression() if name in REGRESSORS else Ridge()
    with pytest.raises(InputError, match=f"got {type(other).__name__}"):
        INSTANCE_METHODS.class_of(name)(other).fit(np.eye(4), np.arange(4) % 2)
