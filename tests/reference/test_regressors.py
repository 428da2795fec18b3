"""Regressors against scikit-learn's and against explicit refits."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge as SklearnKernelRidge
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from headstart.heads.constant import Constant
from headstart.heads.kernel_ridge import KernelRidge, _leave_one_out
from headstart.heads.mlp_regression import MLPRegression
from headstart.heads.neighbours_regression import NeighboursRegression
from headstart.heads.ridge_regression import RidgeRegression
from headstart.heads.tfidf_ridge import TfidfRidge


def _data(n=60, d=8, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, 300 + 20 * X[:, 0] - 7 * X[:, 1] ** 2 + rng.standard_normal(n)


@pytest.mark.parametrize("d", [8, 90])
def test_ridge_chooses_the_penalty_of_least_leave_one_out_error_and_solves_it(d):
    X, y = _data(d=d)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    alphas = [300.0, 30.0, 3.0, 0.3]
    errors = []
    for alpha in alphas:
        left_out = [np.arange(60) != row for row in range(60)]
        fits = [Ridge(alpha=alpha).fit(Z[kept], y[kept]).predict(Z[~kept])[0] for kept in left_out]
        errors.append(np.square(y - fits).sum())
    head = RidgeRegression(alphas=alphas, scaling="standard").fit(X, y)
    assert head.alpha_ == alphas[int(np.argmin(errors))]
    np.testing.assert_allclose(head.predict(X), Ridge(alpha=head.alpha_).fit(Z, y).predict(Z), rtol=1e-9)


def test_the_path_is_ridge_regression_on_each_fold():
    X, y = _data(n=70, d=5)
    used = np.arange(60)
    folds = [(used[used % 3 != k], used[used % 3 == k]) for k in range(3)]
    Z = (X - X[:60].mean(axis=0)) / X[:60].std(axis=0)
    path = RidgeRegression(alphas=[10.0, 1.0], scaling="standard").fit_path(X, y, folds)
    assert np.isnan(path.probabilities[:, 60:]).all()
    for setting, alpha in enumerate((10.0, 1.0)):
        for train, valid in folds:
            expected = Ridge(alpha=alpha).fit(Z[train], y[train]).predict(Z[valid])
            np.testing.assert_allclose(path.outputs(setting, 1)[valid], expected, rtol=1e-9)


def test_weights_are_repeated_rows():
    X, y = _data()
    weights = 1 + np.arange(60) % 3
    weighted = RidgeRegression(2.0).fit(X, y, sample_weight=weights)
    repeated = RidgeRegression(2.0).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)


def test_the_kernel_leaves_each_row_out_as_refits_do():
    X, y = _data(n=40)
    target = y - y.mean()
    kernel = np.exp(-0.1 * ((X[:, None] - X[None]) ** 2).sum(axis=2))
    values, axes = np.linalg.eigh(kernel)
    error, dual = _leave_one_out(values, axes, target, 0.3)
    explicit = 0.0
    for row in range(40):
        kept = np.arange(40) != row
        weights = np.linalg.solve(kernel[np.ix_(kept, kept)] + 0.3 * np.eye(39), target[kept])
        explicit += (target[row] - kernel[row, kept] @ weights) ** 2
    assert error == pytest.approx(explicit, rel=1e-8)
    np.testing.assert_allclose(dual, np.linalg.solve(kernel + 0.3 * np.eye(40), target), rtol=1e-7)


def test_kernel_ridge_is_that_of_scikit_learn():
    X, y = _data()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    head = KernelRidge(scaling="standard").fit(X, y)
    model = SklearnKernelRidge(kernel="rbf", gamma=head.gamma_, alpha=head.alpha_).fit(Z, y - y.mean())
    np.testing.assert_allclose(head.predict(X), y.mean() + model.predict(Z), rtol=1e-8)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_are_those_of_scikit_learn(weights, monkeypatch):
    import headstart.heads._nearest as module

    X, y = _data(n=200)
    train, query = X[:150], X[150:]
    head = NeighboursRegression(7, weights=weights, standardize=False).fit(train, y[:150])
    votes = weights if weights == "uniform" else (lambda distance: 1 / (distance + 1e-3))
    model = KNeighborsRegressor(7, metric="cosine", algorithm="brute", weights=votes).fit(train, y[:150])
    np.testing.assert_allclose(head.predict(query), model.predict(query), rtol=1e-9)
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 300)
    np.testing.assert_allclose(head.predict(query), model.predict(query), rtol=1e-9)


def test_the_network_says_what_scikit_learns_says():
    from sklearn.neural_network import MLPRegressor

    X, y = _data()
    head = MLPRegression((9,), max_iter=30).fit(X, y)
    Z, unit = (X - X.mean(axis=0)) / X.std(axis=0), y.std()
    network = MLPRegressor(hidden_layer_sizes=(9,), alpha=1e-2, batch_size=60, max_iter=30, random_state=0)
    with pytest.warns(UserWarning, match="iterations"):
        network.fit(Z, (y - y.mean()) / unit)
    np.testing.assert_allclose(head.predict(X), y.mean() + unit * network.predict(Z), rtol=1e-7)


def test_weighted_counts_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfTransformer

    rng = np.random.default_rng(0)
    counts = rng.poisson(0.7, (80, 30)).astype(float)
    counts[:, 5] = 0
    y = counts[:, 0] - counts[:, 1] + 50
    rows = TfidfTransformer().fit_transform(np.log1p(counts))
    model = Ridge(alpha=0.5).fit(rows.toarray(), y)
    scale = y.std()
    np.testing.assert_allclose(
        TfidfRidge(0.5).fit(counts, y).predict(counts), model.predict(rows.toarray()), atol=1e-5 * scale
    )


def test_the_constant_is_the_mean_or_the_median():
    X, y = np.zeros((5, 1)), np.array([1.0, 2.0, 3.0, 10.0, 90.0])
    assert Constant("mean").fit(X, y).predict(X)[0] == pytest.approx(21.2)
    assert Constant("median").fit(X, y).predict(X)[0] == 3.0
    assert Constant("median").fit(X[:4], y[:4]).predict(X)[0] == np.median(y[:4])
