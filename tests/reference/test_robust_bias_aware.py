"""The robust classifier against its definition: gradients, logistic regression, and the worst case it is built for."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from headstart.strategies.instance.robust_bias_aware import RobustBiasAware, robust_loss


def _problem(k=3, n=60, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % k
    X = rng.normal(size=(n, 2)) + 1.5 * rng.normal(size=(k, 2))[codes]
    return X, codes, rng.normal(size=(40, 2)) + 1.0


@pytest.mark.parametrize("k", [2, 4])
def test_the_gradient_is_that_of_differences(k):
    X, codes, _ = _problem(k)
    rng = np.random.default_rng(1)
    rows, weights, ratios = np.column_stack([X, np.ones(60)]), rng.uniform(size=60), rng.uniform(0.1, 5, 60)
    flat = rng.normal(size=3 * k)

    def loss(table):
        return robust_loss(table.reshape(k, 3), rows, codes, weights, ratios, 0.7)

    np.testing.assert_allclose(loss(flat)[1], approx_fprime(flat, lambda t: loss(t)[0], 1e-6), rtol=1e-4, atol=1e-4)


def test_without_a_target_it_is_logistic_regression():
    X, codes, T = _problem()
    Z, U = ((rows - X.mean(axis=0)) / X.std(axis=0) for rows in (X, T))
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(Z, codes)
    np.testing.assert_allclose(RobustBiasAware().fit(X, codes).predict_proba(T), expected.predict_proba(U), atol=1e-5)


def test_it_is_the_least_of_the_dual_and_matches_the_source_s_statistics():
    X, codes, T = _problem()
    model = RobustBiasAware(C=2.0).fit(X, codes, X_target=T)
    Z, r = np.column_stack([(X - model.mean_) / model.scale_, np.ones(60)]), model.ratios_

    def dual(flat):  # written out anew
        table = flat.reshape(3, 3)
        value = sum((logsumexp(r[i] * (table @ Z[i])) - r[i] * (table[codes[i]] @ Z[i])) / r[i] for i in range(60))
        return 2.0 * value + (table[:, :2] ** 2).sum() / 2

    ours = np.column_stack([model.coef_, model.intercept_])
    best = minimize(dual, np.zeros(9), method="BFGS", options={"gtol": 1e-6}).fun
    assert dual(ours.ravel()) <= best * (1 + 1e-6)
    # at the optimum expected features under the model are those of the source, but for the penalty
    expected = model.predict_proba(X).T @ Z
    seen = np.eye(3)[codes].T @ Z
    np.testing.assert_allclose(2.0 * (seen - expected)[:, :2], model.coef_, atol=1e-3)
    np.testing.assert_allclose(seen[:, 2], expected[:, 2], atol=1e-3)


def test_it_is_unsure_where_the_source_has_no_rows():
    rng = np.random.default_rng(0)
    X, T = rng.normal(-1, 1, (200, 1)), rng.normal(2, 1, (200, 1))
    y = (X[:, 0] > -1).astype(int)
    far = np.array([[4.0], [6.0]])
    plain, robust = RobustBiasAware().fit(X, y), RobustBiasAware().fit(X, y, X_target=T)
    assert (plain.predict_proba(far).max(axis=1) > 0.99).all()
    assert (robust.predict_proba(far).max(axis=1) < 0.75).all()


def test_its_log_loss_on_a_target_whose_labels_turn_is_better_over_seeds():
    gains = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, T = rng.normal(-1, 1, (150, 1)), rng.normal(1.5, 1, (150, 1))
        label = [(np.abs(rows[:, 0] + 0.5) < 1).astype(int) for rows in (X, T)]  # not linear: extrapolation misleads
        losses = []
        for model in (RobustBiasAware().fit(X, label[0]), RobustBiasAware().fit(X, label[0], X_target=T)):
            losses.append(-np.log(np.clip(model.predict_proba(T)[np.arange(150), label[1]], 1e-12, 1)).mean())
        gains.append(losses[0] - losses[1])
    assert np.mean(gains) > 3 * np.std(gains, ddof=1) / np.sqrt(12)
