"""Heads for several labels against scikit-learn's, one label at a time."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, Ridge

from headstart.heads._platt import fit_platt
from headstart.heads.multi_label_logistic import MultiLabelLogistic
from headstart.heads.multi_label_neighbours import MultiLabelNeighbours
from headstart.heads.multi_label_ridge import MultiLabelRidge


def _data(n=120, d=6, k=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, (X @ rng.standard_normal((d, k)) + rng.standard_normal((n, k)) > 0.4).astype(np.uint8)


def _standard(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("d", [6, 150])
def test_ridge_values_are_those_of_scikit_learn(d):
    X, y = _data(d=d)
    head = MultiLabelRidge(7.0, scaling="standard").fit(X, y)
    values = Ridge(alpha=7.0).fit(_standard(X), y).predict(_standard(X))
    proba = head.predict_proba(X)
    expected = 1 / (1 + np.exp(-(head.slope_ * values + head.shift_)))
    np.testing.assert_allclose(proba, expected, atol=1e-8)


def test_logistic_regression_is_scikit_learns_for_each_label():
    X, y = _data()
    head = MultiLabelLogistic(0.7, scaling="standard", tol=1e-12).fit(X, y)
    for label in range(3):
        model = LogisticRegression(C=0.7, tol=1e-10, max_iter=5000).fit(_standard(X), y[:, label])
        expected = model.predict_proba(_standard(X))[:, 1]
        np.testing.assert_allclose(head.predict_proba(X)[:, label], expected, atol=1e-5)


def test_the_path_is_a_fit_on_each_fold():
    X, y = _data()
    rows = np.arange(120)
    folds = [(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3)]
    path = MultiLabelLogistic(Cs=[0.05, 1.0], scaling="standard", tol=1e-12).fit_path(X, y, folds)
    for setting, C in enumerate((0.05, 1.0)):
        for train, valid in folds:
            for label in range(3):
                model = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(_standard(X)[train], y[train, label])
                expected = model.predict_proba(_standard(X)[valid])[:, 1]
                np.testing.assert_allclose(path.outputs(setting, 3)[valid, label], expected, atol=1e-5)


def test_the_labels_of_a_validation_part_do_not_reach_its_probabilities():
    X, y = _data()
    train, valid = np.arange(80), np.arange(80, 120)
    other = y.copy()
    other[valid] = 1 - other[valid]
    for head in (MultiLabelLogistic(), MultiLabelRidge()):
        plain, again = (head.fit_path(X, targets, [(train, valid)]).probabilities for targets in (y, other))
        assert np.array_equal(plain, again, equal_nan=True)


def test_neighbours_are_those_of_a_brute_search():
    X, y = _data()
    head = MultiLabelNeighbours(5, weights="uniform", smoothing=2.0).fit(X[:90], y[:90])
    centre, unit = X[:90].mean(axis=0), X[:90].std(axis=0)
    rows, queries = (X[:90] - centre) / unit, (X[90:] - centre) / unit
    for query, found in zip(queries, head.predict_proba(X[90:]), strict=True):
        cosine = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
        near = np.argsort(-cosine)[:5]
        prior = (y[:90].sum(axis=0) + 0.5) / 91
        np.testing.assert_allclose(found, (y[near].sum(axis=0) + 2 * prior) / 7, atol=1e-12)


def test_the_curve_of_least_log_loss_is_the_one_scipy_finds():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 3)) * [1, 50, 0.01] + [0, 300, 4]
    signal = (values - values.mean(axis=0)) / values.std(axis=0)
    targets = (signal + rng.standard_normal((200, 3)) > [0, 1, -1]).astype(float)
    curve = fit_platt(values, targets)
    for label in range(3):
        n_with = targets[:, label].sum()
        soft = np.where(targets[:, label] > 0, (n_with + 1) / (n_with + 2), 1 / (200 - n_with + 2))

        def loss(at, z=signal[:, label], soft=soft):
            score = at[0] * z + at[1]
            return (np.logaddexp(0, score) - soft * score).sum()

        best = minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-9}).x
        unit, centre = values[:, label].std(), values[:, label].mean()
        assert curve.slope[label] * unit == pytest.approx(best[0], rel=1e-5)
        assert curve.shift[label] + curve.slope[label] * centre == pytest.approx(best[1], rel=1e-5, abs=1e-5)


def test_a_falling_curve_is_made_flat_and_separable_values_stay_finite():
    values = np.linspace(-1, 1, 50)[:, None]
    falling = fit_platt(values, (values < 0).astype(float))
    assert falling.slope[0] == 0
    assert falling(values)[0, 0] == pytest.approx(0.5, abs=1e-9)
    rising = fit_platt(values, (values > 0).astype(float))(values)
    assert 0 < rising.min() < 0.1
    assert 0.9 < rising.max() < 1
