"""scikit-learn's checks over ``SourceSelection``, plain and with a target and several sources, and ours."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.strategies.source_selection import SourceSelection
from headstart.testing import strategy_checks as checks

PARTS = "a source is chosen by its rows, so a row of weight 2 is not two rows"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": PARTS,
    "check_sample_weight_equivalence_on_sparse_data": PARTS,
}


class SelectionWithTarget(SourceSelection):
    """Its fit has three sources and a target always."""

    def fit(self, X, y, sample_weight=None):
        return checks.SuppliedTarget.fit(_Inner(self), X, y, sample_weight).model


class _Inner(checks.SuppliedTarget):
    def __init__(self, model):
        self.model = model


class _Fit:
    def fit(self, X, y, **given):
        n = X.shape[0] if getattr(X, "shape", ()) else 0
        SourceSelection.fit(self.model, X, y, sample_domain=np.arange(n) % 3, **given)
        return self


_Inner.__bases__ = (checks.SuppliedTarget, _Fit)


def _logistic():
    return LogisticRegression(tol=1e-10, max_iter=1000)


@parametrize_with_checks([SourceSelection(_logistic()), SourceSelection(Ridge())])
def test_scikit_learn_checks_without_a_target(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [SelectionWithTarget(_logistic()), SelectionWithTarget(Ridge())],
    expected_failed_checks=lambda model: {} if isinstance(model.estimator, Ridge) else EXPECTED_FAILURES,
)
def test_scikit_learn_checks_with_a_target(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", checks.STRATEGY_CHECKS, ids=lambda check: check.__name__)
def test_strategy_checks(check):
    if check is not checks.check_strategy_is_plain_without_target:  # it asks that a target is always adapted to
        check(SourceSelection(_logistic()))


def several(seed, n_each=80, n_target=120):
    """Two sources like the target, and one whose labels are the other way round in a part of its own."""
    rng = np.random.default_rng(seed)
    centres = 1.5 * np.random.default_rng(5).standard_normal((3, 6))
    rows, labels, names = [], [], []
    for name in ("near", "close", "odd"):
        y = np.arange(n_each) % 3
        X = centres[y] + rng.standard_normal((n_each, 6)) + (2.0 if name == "odd" else 0.0)
        rows.append(X)
        labels.append((y + 1) % 3 if name == "odd" else y)
        names += [name] * n_each
    z = np.arange(n_target) % 3
    target = centres[z] + rng.standard_normal((n_target, 6))
    return np.concatenate(rows), np.concatenate(labels), np.array(names), target, z


def test_whichever_order_and_whatever_the_names():
    X, y, names, target, z = several(0)
    few = np.array([v if place < 40 else None for place, v in enumerate(z)], dtype=object)
    rng = np.random.default_rng(1)
    for labels in (None, few):
        model = SourceSelection(_logistic())
        plain = clone(model).fit(X, y, X_target=target, y_target=labels, sample_domain=names)
        order, other = rng.permutation(len(X)), rng.permutation(len(target))
        moved = clone(model).fit(
            X[order],
            y[order],
            X_target=target[other],
            y_target=None if labels is None else labels[other],
            sample_domain=names[order],
        )
        assert moved.selected_ == plain.selected_
        np.testing.assert_allclose(moved.predict_proba(target), plain.predict_proba(target), atol=1e-6)
        classes = np.array(["owl", "ant", "猫"])
        named = None if labels is None else [None if v is None else classes[v] for v in labels]
        renamed = clone(model).fit(X, classes[y], X_target=target, y_target=named, sample_domain=names)
        assert renamed.selected_ == plain.selected_
        assert np.array_equal(renamed.predict(target), classes[plain.predict(target)])


def test_labels_that_are_not_passed_cannot_be_read_and_inputs_stay():
    X, y, names, target, _ = several(0)
    before = [array.copy() for array in (X, y, names, target)]
    first = SourceSelection(_logistic()).fit(X, y, X_target=target, sample_domain=names)
    second = SourceSelection(_logistic()).fit(X, y, X_target=target, y_target=[None] * len(target), sample_domain=names)
    assert np.array_equal(first.predict_proba(target), second.predict_proba(target))
    assert all(np.array_equal(a, b) for a, b in zip(before, (X, y, names, target), strict=True))
