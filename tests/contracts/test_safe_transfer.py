"""scikit-learn's checks over ``SafeTransfer``, plain and with a target, and ours."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import headstart as hs
from headstart.strategies.safe_transfer import SafeTransfer
from headstart.testing import strategy_checks as checks
from headstart.testing.two_domains import two_domains

WEIGHTED_ROWS = "the strategies count rows: a row of sample weight 2 is not two rows of the source"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTED_ROWS,
    "check_sample_weight_equivalence_on_sparse_data": WEIGHTED_ROWS,
}
NOT_ALWAYS_ADAPTED = checks.check_strategy_is_plain_without_target
"""It asks that a target is always adapted to, which is what this estimator does not promise; see below."""


class SafeWithTarget(checks.SuppliedTarget, SafeTransfer):
    """What scikit-learn's checks see of the choosing half."""


def _logistic():
    return LogisticRegression(tol=1e-10, max_iter=1000)


@parametrize_with_checks([SafeTransfer(_logistic()), SafeTransfer(Ridge())])
def test_scikit_learn_checks_without_a_target(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [SafeWithTarget(_logistic(), ("coral", "kmm")), SafeWithTarget(Ridge(), ("coral", "kmm"))],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_checks_with_a_target(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", checks.STRATEGY_CHECKS, ids=lambda check: check.__name__)
def test_strategy_checks(check):
    if check is not NOT_ALWAYS_ADAPTED:
        check(SafeTransfer(_logistic(), ("coral", "kmm", "tradaboost")))


def test_without_a_target_it_is_the_plain_estimator():
    data = two_domains(n_classes=2)
    model = SafeTransfer(_logistic()).fit(data.source, data.y_source)
    plain = _logistic().fit(data.source, data.y_source)
    assert (model.adapted_, model.chosen_, model.evidence_) == (False, "source_only", ())
    assert np.array_equal(model.predict_proba(data.target), plain.predict_proba(data.target))


def _moved(seed=0, n=230):
    """Three classes whose target rows are all moved by one vector."""
    rng = np.random.default_rng(seed)
    centres = 1.2 * np.random.default_rng(5).standard_normal((3, 10))
    y, z = np.arange(n) % 3, np.arange(n - 30) % 3
    source = centres[y] + rng.standard_normal((n, 10))
    target = (centres[z] + rng.standard_normal((n - 30, 10))) * 1.3 + 4 * np.sign(np.arange(10) % 2 - 0.5)
    return source, y, target, z


def test_whichever_order_the_rows_come_in_and_whatever_the_classes_are_called():
    source, y, target, z = _moved()
    few = np.array([v if place < 20 else None for place, v in enumerate(z)], dtype=object)
    for labels in (None, few):
        model = SafeTransfer(_logistic(), ("coral", "standardise", "kmm"))
        plain = clone(model).fit(source, y, X_target=target, y_target=labels)
        rng = np.random.default_rng(1)
        order, other = rng.permutation(len(source)), rng.permutation(len(target))
        moved = clone(model).fit(
            source[order], y[order], X_target=target[other], y_target=None if labels is None else labels[other]
        )
        assert plain.adapted_
        assert moved.chosen_ == plain.chosen_
        np.testing.assert_allclose(moved.predict_proba(target), plain.predict_proba(target), atol=1e-5)
        names = np.array(["owl", "ant", "猫"])
        named = None if labels is None else [None if v is None else names[v] for v in labels]
        renamed = clone(model).fit(source, names[y], X_target=target, y_target=named)
        assert renamed.chosen_ == plain.chosen_
        assert np.array_equal(renamed.predict(target), names[plain.predict(target)])
        assert [each.gain for each in renamed.evidence_] == pytest.approx([each.gain for each in plain.evidence_])


def test_a_hidden_label_cannot_be_read():
    source, y, target, z = _moved()
    first = np.array([v if place < 12 else None for place, v in enumerate(z)], dtype=object)
    model = SafeTransfer(_logistic(), ("coral", "kmm"))
    for labels in (None, first):
        held = clone(model).fit(source, y, X_target=target, y_target=labels)
        other = clone(model).fit(source, y, X_target=target, y_target=None if labels is None else labels.copy())
        assert np.array_equal(held.predict_proba(target), other.predict_proba(target))
        assert held.evidence_ == other.evidence_
    nothing = clone(model).fit(source, y, X_target=target, y_target=np.full(len(z), None, dtype=object))
    assert np.array_equal(
        nothing.predict_proba(target), clone(model).fit(source, y, X_target=target).predict_proba(target)
    )


class Parrot(LogisticRegression):
    """Says of each target row the label that it was given, and of others what it would say anyway."""

    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        super().fit(X, y)
        given = [] if y_target is None else list(zip(X_target.tolist(), y_target, strict=True))
        self.told_ = {tuple(row): label for row, label in given if label is not None}
        return self

    def predict(self, X):
        said = super().predict(X)
        return np.array([self.told_.get(tuple(row), word) for row, word in zip(X.tolist(), said, strict=True)])


def test_a_strategy_that_repeats_the_labels_it_was_told_gains_nothing():
    source, y, target, z = _moved()
    model = SafeTransfer(_logistic(), [Parrot(max_iter=1000)]).fit(
        source, y, X_target=target, y_target=list(np.where(np.arange(len(z)) < 60, z, None))
    )
    assert model.evidence_[0].gain == 0
    assert not model.adapted_


def test_a_search_leaves_the_target_whole_and_inputs_stay():
    source, y, target, _ = _moved()
    rows = np.concatenate([target, target[:30]])
    assert len(rows) == len(source)
    before = [array.copy() for array in (source, y, rows)]
    search = GridSearchCV(SafeTransfer(_logistic(), ("coral",)), {"estimator__C": [0.1, 1.0]}, cv=3)
    search.fit(source, y, X_target=hs.Unlabelled(rows))
    assert search.best_estimator_.adapted_
    assert all(np.array_equal(a, b) for a, b in zip(before, (source, y, rows), strict=True))
