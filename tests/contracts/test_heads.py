"""scikit-learn's own checks, and ours, over every classifier that is found."""

import json

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.heads.registry import head_class, make
from headstart.heads.registry import names as names_of


def names():
    return names_of("classification")


RESAMPLED = "rows are drawn or split by position, so a row of weight 2 is not two rows"
LEFT_OUT = "leaving out a row of weight 2 is not leaving out one of two rows"
EXPECTED_FAILURES = {
    name: {
        "check_sample_weight_equivalence_on_dense_data": RESAMPLED,
        "check_sample_weight_equivalence_on_sparse_data": RESAMPLED,
    }
    for name in ("linear_svm", "rbf_svm", "mlp", "tfidf_linear", "late_fusion", "gated_fusion")
}
BY_AXES = {"attention_pooling", "temporal"}


def _members():
    quick = {"logistic": {"tol": 1e-18}, "boosting": {"max_iter": 8}}
    return [make(name, **quick.get(name, {})) for name in names()]


def _expected(head):
    if head.name == "lightgbm":
        return {"check_sample_weight_equivalence_on_dense_data": "a leaf's least size counts rows, not weights"}
    if head.name == "ridge":
        return {"check_sample_weight_equivalence_on_dense_data": LEFT_OUT}
    if head.name in BY_AXES:
        return {"check_sample_weight_equivalence_on_dense_data": "repeated rows have the same axes but for rounding"}
    return EXPECTED_FAILURES.get(head.name, {})


@parametrize_with_checks(_members(), expected_failed_checks=_expected)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def _rows(n=90, d=12, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    X = rng.standard_normal((n, d)) + 1.5 * rng.standard_normal((n_classes, d))[codes]
    return X.astype(np.float32), codes


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    "labels",
    [np.array(["owl", "猫", "ant"]), np.array([7, -1, 3]), np.array([True, False])],
    ids=["str", "int", "bool"],
)
def test_any_labels_round_trip_through_the_saved_form(name, labels):
    X, codes = _rows(n_classes=len(labels))
    head = make(name).fit(X, labels[codes])
    proba = head.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
    assert proba.dtype == np.float64
    assert set(head.predict(X)) <= set(labels)
    loaded = _reload(head)
    assert np.array_equal(loaded.predict_proba(X), proba)
    assert np.array_equal(loaded.predict(X), head.predict(X))
    assert loaded.classes_.dtype == head.classes_.dtype


def _reload(head):
    if hasattr(head, "to_state"):
        from safetensors.numpy import load, save

        info, arrays = head.to_state()
        return type(head).from_state(json.loads(json.dumps(info)), load(save(arrays)))
    import skops.io

    from headstart.heads.trusted import TRUSTED_TYPES

    data = skops.io.dumps(head)
    assert set(skops.io.get_untrusted_types(data=data)) <= set(TRUSTED_TYPES)
    return skops.io.loads(data, trusted=list(TRUSTED_TYPES))


@pytest.mark.parametrize("name", names())
def test_one_row_at_a_time_is_all_at_once(name):
    X, codes = _rows()
    head = make(name).fit(X, codes)
    single = np.concatenate([head.predict_proba(row[None]) for row in X])
    np.testing.assert_allclose(single, head.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("name", names())
def test_renaming_the_classes_renames_the_answers(name):
    X, codes = _rows()
    swap = np.array([2, 0, 1])
    plain = make(name, **_steady(name)).fit(X, codes).predict_proba(X)
    renamed = make(name, **_steady(name)).fit(X, swap[codes]).predict_proba(X)
    if name in ("mlp", "boosting", "linear_svm", "rbf_svm"):  # order decides the seeds or the pairs: same answers only
        agree = swap[plain.argmax(axis=1)] == renamed.argmax(axis=1)
        assert agree.mean() > 0.95
    else:
        np.testing.assert_allclose(plain, renamed[:, swap], atol=1e-5)


@pytest.mark.parametrize("name", ["logistic", "majority", "neighbours", "prototypes", "ridge"])
def test_the_order_of_the_rows_does_not_matter(name):
    X, codes = _rows()
    order = np.random.default_rng(3).permutation(len(X))
    plain = make(name, **_steady(name)).fit(X, codes).predict_proba(X)
    shuffled = make(name, **_steady(name)).fit(X[order], codes[order]).predict_proba(X)
    np.testing.assert_allclose(plain, shuffled, atol=1e-6)


def _steady(name):
    return {"C": 0.1, "tol": 1e-13} if name == "logistic" else {}


@pytest.mark.parametrize("name", names())
def test_the_same_seed_gives_the_same_model_and_leaves_the_input_alone(name):
    X, codes = _rows()
    X.setflags(write=False)
    assert np.array_equal(make(name).fit(X, codes).predict_proba(X), make(name).fit(X, codes).predict_proba(X))


@pytest.mark.parametrize("name", names())
def test_more_features_than_rows_and_constant_features(name):
    X, codes = _rows(n=30, d=50)
    X[:, 7] = 3.0
    X[:, 8] = 0.0
    proba = make(name).fit(X, codes).predict_proba(X)
    assert np.isfinite(proba).all()
    if name not in ("majority", "boosting"):  # 30 rows are too few for leaves of 20
        assert (proba.argmax(axis=1) == codes).mean() > 0.6


@pytest.mark.parametrize("name", names())
def test_a_class_of_one_row_is_no_obstacle(name):
    X, codes = _rows(n=31)
    codes = np.where(np.arange(31) == 30, 3, codes)
    assert make(name).fit(X, codes).predict_proba(X).shape == (31, 4)


@pytest.mark.parametrize("name", names())
def test_each_head_says_what_it_costs(name):
    head = head_class(name)
    assert head.name == name
    others = [head_class(other) for other in names() if other != name and head_class(other).is_general]
    assert not head.is_general or head.cost_rank not in [other.cost_rank for other in others]
    assert head.is_slow == (head.fit_seconds(1000, 100, 3) > 0)
