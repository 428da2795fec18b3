"""The logistic path against an independent dense solution in float64."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from headstart.heads.logistic import LogisticRegressionPath


def _objective(flat, Z, codes, weights, C, n_outputs):
    """The textbook value and gradient, with nothing shared with the code under test."""
    table = flat.reshape(n_outputs, -1)
    W, b = table[:, :-1], table[:, -1]
    scores = Z @ W.T + b
    if n_outputs == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    log_total = logsumexp(scores, axis=1)
    each = np.arange(len(codes))
    value = C * weights @ (log_total - scores[each, codes]) + 0.5 * (W**2).sum()
    residual = np.exp(scores - log_total[:, None])
    residual[each, codes] -= 1
    residual = (C * weights[:, None] * residual)[:, -n_outputs:]
    return value, np.hstack([residual.T @ Z + W, residual.sum(axis=0)[:, None]]).ravel()


def _optimum(Z, codes, weights, C, n_classes):
    n_outputs = 1 if n_classes == 2 else n_classes
    start = np.zeros(n_outputs * (Z.shape[1] + 1))
    arguments = (Z, codes, weights, C, n_outputs)
    options = {"maxiter": 20000, "maxfun": 40000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 30}
    found = minimize(_objective, start, arguments, method="L-BFGS-B", jac=True, options=options)
    return found.fun


def _data(n, d, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    X = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) * np.arange(1, d + 1) ** -0.5
    X[:, : min(d, 10)] += rng.standard_normal((n_classes, min(d, 10)))[codes]
    return X.astype(np.float32), codes


@pytest.mark.parametrize(
    ("n", "d", "n_classes", "weighted"),
    [(300, 20, 3, False), (300, 20, 2, False), (200, 15, 4, True), (60, 120, 3, False), (40, 90, 2, True)],
)
@pytest.mark.parametrize("C", [1e-4, 1e-2, 1.0, 100.0])
def test_the_final_objective_is_within_tolerance_of_the_optimum(n, d, n_classes, weighted, C):
    X, codes = _data(n, d, n_classes)
    weights = np.random.default_rng(1).uniform(0.2, 3, n) if weighted else np.ones(n)
    head = LogisticRegressionPath(C).fit(X, codes, sample_weight=weights)
    Z = (X.astype(np.float64) - head.mean_) / head.scale_
    flat = np.hstack([head.coef_, head.intercept_[:, None]]).ravel()
    reached = _objective(flat, Z, codes, weights, C, len(head.coef_))[0]
    best = _optimum(Z, codes, weights, C, n_classes)
    assert reached <= best * (1 + 1e-4)
    assert reached >= best * (1 - 1e-7)
    assert reached / best - 1 <= head.gap_ + 1e-7  # the gap is a bound


@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_fold_and_penalty_of_the_path_is_within_tolerance(n_classes):
    from headstart.heads._penalty_path import solve_path
    from headstart.heads._softmax_loss import SoftmaxLoss

    X, codes = _data(250, 12, n_classes)
    weights = np.ones((4, 250))
    for fold in range(3):
        weights[fold, fold::3] = 0
    weights[3] = np.random.default_rng(2).uniform(0, 2, 250)
    rows = np.hstack([X, np.ones((250, 1), dtype=np.float32)])  # float32: the precision of large data
    loss = SoftmaxLoss(rows, codes, weights, n_outputs=1 if n_classes == 2 else n_classes)
    for point in solve_path(loss, np.logspace(-4, 1, 6), tol=1e-4, max_iter=500):
        for problem, values in enumerate(point.weights):
            best = _optimum(X.astype(np.float64), codes, weights[problem], point.C, n_classes)
            flat = values.ravel()
            reached = _objective(flat, X.astype(np.float64), codes, weights[problem], point.C, len(values))[0]
            assert best * (1 - 1e-6) <= reached <= best * (1 + 1e-4)


def test_the_path_equals_scikit_learn_fold_by_fold():
    from sklearn.linear_model import LogisticRegression

    X, codes = _data(200, 10, 3)
    folds = [(np.flatnonzero(np.arange(200) % 4 != k), np.flatnonzero(np.arange(200) % 4 == k)) for k in range(4)]
    path = LogisticRegressionPath(Cs=[0.01, 1.0], tol=1e-12, scaling="standard").fit_path(X, codes, folds)
    Z = (X - X.mean(axis=0, dtype=np.float64)) / X.std(axis=0, dtype=np.float64)
    for setting, proba in zip(path.settings, path.probabilities, strict=True):
        for train, valid in folds:
            model = LogisticRegression(C=setting["C"], tol=1e-10, max_iter=10000).fit(Z[train], codes[train])
            np.testing.assert_allclose(proba[valid], model.predict_proba(Z[valid]), atol=2e-5)
    assert path.gaps.max() <= 1e-12


def test_balanced_weights_are_the_weights_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    X, codes = _data(120, 6, 3)
    codes = np.where(np.arange(120) < 80, 0, codes)
    head = LogisticRegressionPath(0.5, class_weight="balanced", tol=1e-13).fit(X, codes)
    X = (X.astype(np.float64) - head.mean_) / head.scale_
    model = LogisticRegression(C=0.5, class_weight="balanced", tol=1e-10, max_iter=10000).fit(X, codes)
    np.testing.assert_allclose(head.coef_, model.coef_, atol=1e-4)
