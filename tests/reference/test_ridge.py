"""Closed forms against n explicit refits, and heads against scikit-learn's."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from headstart.heads._ridge_solver import RidgeSolver
from headstart.heads._scaling import principal_axes
from headstart.heads._shrinkage import ledoit_wolf_shrinkage
from headstart.heads.neighbours import Neighbours
from headstart.heads.prototypes import Prototypes
from headstart.heads.ridge import RidgePath


def _data(n=60, d=8, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    X = rng.standard_normal((n, d)) + rng.standard_normal((n_classes, d))[codes]
    return X, codes


@pytest.mark.parametrize("d", [8, 90])
@pytest.mark.parametrize("alpha", [0.1, 10.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_equals_n_refits(d, alpha, weighted):
    X, codes = _data(d=d)
    weights = np.random.default_rng(1).uniform(0.3, 3, len(X)) if weighted else np.ones(len(X))
    rows = X @ principal_axes(X)
    target = np.eye(3)[codes]
    solver = RidgeSolver.of(rows, target, weights)
    for row in range(len(X)):
        kept = np.arange(len(X)) != row
        model = Ridge(alpha=alpha).fit(X[kept], target[kept], sample_weight=weights[kept])
        np.testing.assert_allclose(solver.leave_one_out(alpha)[row], model.predict(X[[row]])[0], atol=1e-8)


@pytest.mark.parametrize("d", [8, 90])
def test_the_solution_and_the_path_are_ridge_regression(d):
    X, codes = _data(d=d)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    head = RidgePath(5.0, scaling="standard").fit(X, codes)
    model = Ridge(alpha=5.0).fit(Z, np.eye(3)[codes])
    np.testing.assert_allclose(head.decision_function(X), model.predict(Z), atol=1e-8)
    folds = [(np.flatnonzero(np.arange(60) % 4 != k), np.flatnonzero(np.arange(60) % 4 == k)) for k in range(4)]
    proba = RidgePath(5.0, scaling="standard").fit_path(X, codes, folds).probabilities[0]
    for train, valid in folds:
        model = Ridge(alpha=5.0).fit(Z[train], np.eye(3)[codes[train]])
        logs = np.log(proba[valid].astype(np.float64))
        values = model.predict(Z[valid])  # equal up to the factor and a constant for each row
        logs, values = (part - part.mean(axis=1, keepdims=True) for part in (logs, values))
        factor = (logs * values).sum() / (values**2).sum()
        np.testing.assert_allclose(logs, factor * values, atol=1e-4)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_prototypes_are_the_discriminant_of_scikit_learn(shrinkage):
    X, codes = _data(n=90)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    if shrinkage == 0:
        model = LinearDiscriminantAnalysis(solver="lsqr")
    head = Prototypes(shrinkage).fit(X, codes)
    if shrinkage == 0:
        np.testing.assert_allclose(head.predict_proba(X), model.fit(Z, codes).predict_proba(Z), atol=1e-8)
        return
    # scikit-learn shrinks the covariance of each class scaled by its own features: fit that by hand
    centred = Z - head.prototypes_[codes]
    covariance = centred.T @ centred / len(Z)
    mixed = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / 8 * np.eye(8)
    np.testing.assert_allclose(head.coef_, head.prototypes_ @ np.linalg.inv(mixed), atol=1e-8)


def test_the_automatic_shrinkage_is_that_of_ledoit_and_wolf():
    from sklearn.covariance import ledoit_wolf_shrinkage as expected

    X, _ = _data(n=50, d=30)
    X = X - X.mean(axis=0)
    ours = ledoit_wolf_shrinkage(X, X.T @ X / len(X), np.ones(len(X)))
    assert ours == pytest.approx(expected(X, assume_centered=True), rel=1e-10)


def test_neighbours_are_those_of_scikit_learn():
    X, codes = _data(n=200)
    train, query = X[:150], X[150:]
    head = Neighbours(7, weights="uniform", smoothing=0.0, standardize=False).fit(train, codes[:150])
    model = KNeighborsClassifier(7, metric="cosine", algorithm="brute").fit(train, codes[:150])
    np.testing.assert_allclose(head.predict_proba(query), model.predict_proba(query), atol=1e-12)


def test_neighbours_do_not_depend_on_the_block(monkeypatch):
    import headstart.heads.neighbours as module

    X, codes = _data(n=200)
    head = Neighbours().fit(X[:150], codes[:150])
    whole = head.predict_proba(X[150:])
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 300)
    np.testing.assert_allclose(head.predict_proba(X[150:]), whole, atol=1e-12)
