"""scikit-learn's own checks over regressors and detectors, and ours over every head that does not classify."""

import json

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.errors import InputError
from headstart.heads.registry import head_class, make, names

TASKS = ("regression", "multi_label", "anomaly")
NAMES = [name for task in TASKS for name in names(task)]
BY_POSITION = {"boosting_regression", "mlp_regression", "gaussian_mixture", "multi_label_logistic", "tfidf_labels"}
FUSED = {name for name in NAMES if "_fusion" in name}  # folds by position
NAIVE = ("last_value", "seasonal_naive")  # they repeat a feature, in its own unit
LEFT_OUT = "leaving out a row of weight 2 is not leaving out one of two rows"


def _members():
    quick = {"boosting_regression": {"max_iter": 8}}
    return [make(name, **quick.get(name, {})) for task in ("regression", "anomaly") for name in names(task)]


def _expected(head):
    if head.name == "ridge_regression":
        return {"check_sample_weight_equivalence_on_dense_data": LEFT_OUT}
    if head.name in FUSED:
        return {"check_sample_weight_equivalence_on_dense_data": "folds are drawn by position"}
    if head.name == "lightgbm_regression":
        return {"check_sample_weight_equivalence_on_dense_data": "a leaf's least size counts rows, not weights"}
    if head.name == "indifferent":
        outliers = ("check_outliers_fit_predict", "check_outliers_train", "check_outliers_train(readonly_memmap=True)")
        return dict.fromkeys(outliers, "it finds every row as strange as every other")
    return {}


@parametrize_with_checks(_members(), expected_failed_checks=_expected)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def _data(name, n=90, d=12, seed=0):
    """Features that say something of what the head's task asks."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(np.float32)
    task = head_class(name).task
    if task == "regression":
        return X, 40 + 5 * X[:, 0] - 2 * X[:, 1] + 0.1 * rng.standard_normal(n)
    if task == "multi_label":
        return X, (X[:, :4] + 0.2 * rng.standard_normal((n, 4)) > 0.3).astype(np.uint8)
    y = (np.arange(n) % 6 == 0).astype(np.int64)
    X[y == 1] += 4 * np.sign(rng.standard_normal((int(y.sum()), d))).astype(np.float32)
    return X, y


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


@pytest.mark.parametrize("name", NAMES)
def test_the_saved_form_says_the_same(name):
    X, y = _data(name)
    head = make(name).fit(X, y)
    outputs = head.outputs(X, y.shape[-1])
    assert outputs.dtype == np.float64
    assert outputs.shape == (y.shape if y.ndim == 2 else (len(y),))
    assert np.array_equal(_reload(head).outputs(X, y.shape[-1]), outputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model_and_leaves_the_input_alone(name):
    X, y = _data(name)
    X.setflags(write=False)
    y.setflags(write=False)
    assert np.array_equal(make(name).fit(X, y).outputs(X, 4), make(name).fit(X, y).outputs(X, 4))


@pytest.mark.parametrize("name", NAMES)
def test_one_row_at_a_time_is_all_at_once(name):
    X, y = _data(name)
    head = make(name).fit(X, y)
    single = np.concatenate([head.outputs(row[None], 4) for row in X])
    np.testing.assert_allclose(single, head.outputs(X, 4), atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(NAMES) - BY_POSITION - FUSED))
def test_the_order_of_the_rows_does_not_matter(name):
    X, y = _data(name)
    order = np.random.default_rng(3).permutation(len(X))
    plain, shuffled = make(name).fit(X, y).outputs(X, 4), make(name).fit(X[order], y[order]).outputs(X, 4)
    np.testing.assert_allclose(plain, shuffled, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_more_features_than_rows_and_constant_features(name):
    X, y = _data(name, n=40, d=60)
    X[:, 7], X[:, 8] = 3.0, 0.0
    outputs = make(name).fit(X, y).outputs(X, 4)
    assert np.isfinite(outputs).all()
    assert outputs.std() > 0 or name in ("constant", "indifferent", *NAIVE)


@pytest.mark.parametrize("name", [n for n in names("multi_label")])
def test_labels_that_all_or_no_rows_have_are_no_obstacle(name):
    X, y = _data(name)
    y[:, 0], y[:, 1] = 1, 0
    proba = make(name).fit(X, y).predict_proba(X)
    assert ((proba >= 0) & (proba <= 1)).all()
    assert proba[:, 0].min() > 0.9
    assert proba[:, 1].max() < 0.1


@pytest.mark.parametrize("name", names("multi_label"))
def test_targets_that_are_no_table_of_0_and_1_are_refused(name):
    X, y = _data(name)
    for wrong in (y[:, 0], y[:5], y + 1):
        with pytest.raises(InputError, match="of 0 and 1"):
            make(name).fit(X, wrong)


@pytest.mark.parametrize("name", names("anomaly"))
def test_anomalous_rows_are_not_learnt_from(name):
    X, y = _data(name)
    with_them, without = make(name).fit(X, y), make(name).fit(X[y == 0])
    assert np.array_equal(with_them.outputs(X, 1), without.outputs(X, 1))
    assert np.array_equal(make(name).fit(X[y == 0], np.full((y == 0).sum(), 7)).outputs(X, 1), without.outputs(X, 1))


@pytest.mark.parametrize("name", [n for n in names("anomaly") if n != "indifferent"])
def test_strange_rows_score_higher(name):
    X, y = _data(name, n=300)
    if name == "tfidf_distance":
        X = np.abs(np.round(X))
        X[:, 6:] *= y[:, None]  # words that normal texts lack
    scores = make(name).fit(X[:200], y[:200]).outputs(X[200:], 1)
    inside, outside = scores[y[200:] == 0], scores[y[200:] == 1]
    assert (outside[:, None] > inside[None]).mean() > 0.95


@pytest.mark.parametrize("name", [n for n in names("regression") if n not in ("constant", *NAIVE)])
def test_a_shift_and_a_unit_of_the_numbers_change_nothing_else(name):
    X, y = _data(name)
    plain, scaled = make(name).fit(X, y).predict(X), make(name).fit(X, 1e7 + 1e3 * y).predict(X)
    np.testing.assert_allclose(scaled, 1e7 + 1e3 * plain, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_head_says_what_it_costs(name):
    head = head_class(name)
    ranks = sorted(head_class(other).cost_rank for other in names(head.task))
    assert len(set(ranks)) == len(ranks)
    assert head.is_slow == (head.fit_seconds(1000, 100, 3) > 0)
