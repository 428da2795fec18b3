"""Linear models with the source as prior, and maps between class sets, against dense solutions written out."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, Ridge

from headstart.strategies.parameter._prior_ridge import PriorRidge
from headstart.strategies.parameter.label_mapping import LabelMapping
from headstart.strategies.parameter.regular_transfer_lc import RegularTransferLC
from headstart.strategies.parameter.regular_transfer_logistic import RegularTransferLogistic
from headstart.strategies.parameter.regular_transfer_lr import RegularTransferLR
from headstart.strategies.source_weights import SourceWeights

SHAPES = [(30, 4), (6, 15), (3, 5)]


def problem(n, d, k, seed=0):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, d)) @ draw.normal(size=(d, d)) + draw.normal(size=d)
    coef, intercept = draw.normal(size=(k, d)), draw.normal(size=k)
    return X, X @ coef.T + intercept + draw.normal(size=(n, k)), draw.uniform(0.1, 2, n), coef + 0.3, intercept - 0.5


def augmented(X, Y, s, coef, intercept, alpha, *, ties_intercept):
    """Least squares with a row for each weight that is pulled."""
    d = X.shape[1]
    rows = np.column_stack([X, np.ones(len(X))]) * np.sqrt(s)[:, None]
    pulled = np.sqrt(alpha) * np.eye(d + 1)[: d + ties_intercept]
    prior = np.column_stack([coef, intercept])  # (k, d + 1)
    wanted = np.concatenate([np.sqrt(s)[:, None] * Y, pulled @ prior.T])
    found = np.linalg.lstsq(np.concatenate([rows, pulled]), wanted, rcond=None)[0].T
    return found[:, :-1], found[:, -1]


@pytest.mark.parametrize("ties_intercept", [False, True])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_regular_transfer_lr_is_least_squares_with_rows_for_the_prior(n, d, ties_intercept):
    X, Y, s, coef, intercept = problem(n, d, 2)
    for alpha in (1e-2, 1.0, 100.0):
        wanted = augmented(X, Y, s, coef, intercept, alpha, ties_intercept=ties_intercept)
        model = RegularTransferLR(SourceWeights(coef, intercept), alpha=alpha, ties_intercept=ties_intercept)
        model.fit(X, Y, sample_weight=s)
        np.testing.assert_allclose(model.coef_, wanted[0], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(model.intercept_, wanted[1], rtol=1e-6, atol=1e-6)
        single = RegularTransferLR(SourceWeights(coef[:1], intercept[:1]), alpha=alpha, ties_intercept=ties_intercept)
        single.fit(X, Y[:, 0], sample_weight=s)
        np.testing.assert_allclose(single.coef_, wanted[0][0], rtol=1e-6, atol=1e-7)
    nearest = RegularTransferLR(SourceWeights(coef, intercept), alpha=0.0, ties_intercept=True).fit(X, Y)
    if n < d:
        np.testing.assert_allclose(nearest.predict(X), Y, rtol=1e-6, atol=1e-6)
    still = RegularTransferLR(SourceWeights(coef, intercept), alpha=np.inf, ties_intercept=True).fit(X, Y)
    np.testing.assert_allclose(still.predict(X), X @ coef.T + intercept, rtol=1e-12)


def test_without_a_source_it_is_scikit_learn_s_ridge():
    X, Y, s, *_ = problem(30, 4, 2)
    wanted = Ridge(alpha=3.0).fit(X, Y, sample_weight=s)
    found = RegularTransferLR(alpha=3.0).fit(X, Y, sample_weight=s)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-8)
    np.testing.assert_allclose(found.intercept_, wanted.intercept_, rtol=1e-8)
    assert not found.adapted_


@pytest.mark.parametrize("ties_intercept", [False, True])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_error_of_rows_left_out_is_that_of_refitting_without_each(n, d, ties_intercept):
    X, Y, s, coef, intercept = problem(n, d, 2)
    s[0] = 0
    ridge = PriorRidge(X, Y, s, ties_intercept)
    for alpha in (0.1, 10.0, np.inf):
        total = 0.0
        for row in range(1, n):
            kept = np.arange(n) != row
            if np.isinf(alpha):
                offset = s[kept] @ (Y - X @ coef.T - intercept)[kept] / s[kept].sum()
                w, b = coef, intercept + (0 if ties_intercept else offset)
            else:
                w, b = augmented(X[kept], Y[kept], s[kept], coef, intercept, alpha, ties_intercept=ties_intercept)
            total += s[row] * ((Y[row] - w @ X[row] - b) ** 2).sum()
        assert float(s @ ridge.left_out_errors(coef, intercept, alpha)) == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_regular_transfer_lc_is_the_same_on_plus_and_minus_one(n_classes):
    X, _, s, coef, intercept = problem(25, 6, n_classes)
    y = np.arange(25) % n_classes
    Y = np.where(y[:, None] == np.arange(n_classes), 1.0, -1.0)
    names = np.array(["a", "b", "c"])[:n_classes]
    if n_classes == 2:
        coef, intercept, Y = coef[:1], intercept[:1], Y[:, 1:]
    model = RegularTransferLC(SourceWeights(coef, intercept, names), alpha=2.0, ties_intercept=False)
    model.fit(X, names[y], sample_weight=s)
    wanted = augmented(X, Y, s, coef, intercept, 2.0, ties_intercept=False)
    np.testing.assert_allclose(model.coef_, wanted[0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, wanted[1], rtol=1e-6, atol=1e-8)
    scores = X @ wanted[0].T + wanted[1]
    best = (scores[:, 0] > 0).astype(int) if n_classes == 2 else scores.argmax(axis=1)
    assert model.predict(X).tolist() == names[best].tolist()


def test_classes_are_matched_by_name_and_new_ones_begin_with_nothing():
    X, _, s, coef, intercept = problem(24, 6, 3)
    source = SourceWeights(coef, intercept, np.array(["dog", "cat", "cow"]))
    y = np.array(["cow", "ant", "cat"])[np.arange(24) % 3]
    prior = np.stack([np.zeros(6), coef[1], coef[2]]), np.array([0, intercept[1], intercept[2]])
    Y = np.where(y[:, None] == np.array(["ant", "cat", "cow"]), 1.0, -1.0)
    wanted = augmented(X, Y, s, *prior, 5.0, ties_intercept=True)
    found = RegularTransferLC(source, alpha=5.0, ties_intercept=True).fit(X, y, sample_weight=s)
    np.testing.assert_allclose(found.coef_, wanted[0], rtol=1e-6, atol=1e-8)
    two = RegularTransferLogistic(source, C=1e-9, ties_intercept=True).fit(X[y != "ant"], y[y != "ant"])
    np.testing.assert_allclose(two.coef_[0], coef[2] - coef[1], rtol=1e-5)
    of_two = SourceWeights(coef[:1], intercept[:1], np.array(["cat", "dog"]))
    three = RegularTransferLogistic(of_two, C=1e-9, ties_intercept=True).fit(X, y)
    np.testing.assert_allclose(three.coef_, [np.zeros(6), -coef[0] / 2, np.zeros(6)], rtol=1e-5, atol=1e-6)


def dense_logistic(X, codes, s, coef, intercept, C, pull):
    """The same objective over all weights at once, in double precision, by a trust region with the whole Hessian."""
    m, d = coef.shape
    rows = np.column_stack([X, np.ones(len(X))])
    prior = np.column_stack([coef, intercept])
    pulls = np.append(np.ones(d), pull)

    def scores(table):
        found = rows @ table.T
        return np.column_stack([np.zeros(len(X)), found]) if m == 1 else found

    def value(flat):
        table = flat.reshape(m, d + 1)
        z = scores(table)
        z = z - z.max(axis=1, keepdims=True)
        losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(X)), codes]
        return C * s @ losses + ((table - prior) ** 2 * pulls).sum() / 2

    def proba(table):
        z = np.exp(scores(table) - scores(table).max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    def slope(flat):
        table = flat.reshape(m, d + 1)
        p = proba(table)
        p[np.arange(len(X)), codes] -= 1
        return (C * (p[:, -m:] * s[:, None]).T @ rows + (table - prior) * pulls).ravel()

    def hessian(flat):
        p = proba(flat.reshape(m, d + 1))[:, -m:]
        whole = np.zeros((m, d + 1, m, d + 1))
        for i in range(m):
            for j in range(m):
                weight = C * s * p[:, i] * ((i == j) - p[:, j])
                whole[i, :, j, :] = (rows * weight[:, None]).T @ rows + (i == j) * np.diag(pulls)
        return whole.reshape(m * (d + 1), -1)

    found = minimize(value, prior.ravel(), jac=slope, hess=hessian, method="trust-exact", options={"gtol": 1e-10})
    return found.x.reshape(m, d + 1)[:, :-1], found.x.reshape(m, d + 1)[:, -1]


@pytest.mark.parametrize("ties_intercept", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("n", "d"), [(40, 4), (9, 15)])
def test_regular_transfer_logistic_is_the_optimum(n, d, n_classes, ties_intercept):
    X, _, s, coef, intercept = problem(n, d, n_classes)
    codes = np.arange(n) % n_classes
    if n_classes == 2:
        coef, intercept = coef[:1], intercept[:1]
    names = np.array(["a", "b", "c"])[:n_classes]
    for C in (0.01, 1.0, 30.0):
        model = RegularTransferLogistic(SourceWeights(coef, intercept, names), C=C, ties_intercept=ties_intercept)
        model.fit(X, names[codes], sample_weight=s)
        w, b = dense_logistic(X, codes, s, coef, intercept, C, 1.0 if ties_intercept else 1e-12)
        np.testing.assert_allclose(model.coef_, w, rtol=1e-6, atol=1e-6)
        b, found = (
            (b - b.mean(), model.intercept_ - model.intercept_.mean()) if n_classes > 2 else (b, model.intercept_)
        )
        np.testing.assert_allclose(found, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_without_a_source_is_scikit_learn_s(n_classes):
    X, _, s, *_ = problem(60, 4, n_classes)
    y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0) * (n_classes > 2)
    wanted = LogisticRegression(C=0.7, tol=1e-12, max_iter=10_000).fit(X, y, sample_weight=s)
    found = RegularTransferLogistic(C=0.7).fit(X, y, sample_weight=s)
    np.testing.assert_allclose(found.predict_proba(X), wanted.predict_proba(X), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-4, atol=1e-6)


class Says:
    """A fitted classifier whose probabilities are the rows."""

    def __init__(self, classes):
        self.classes_ = np.asarray(classes)

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.asarray(X)


def told(n=50, n_source=4, seed=0):
    draw = np.random.default_rng(seed)
    proba = draw.dirichlet(np.full(n_source, 0.5), n)
    y = np.array(["x", "y", "z"])[(proba.argmax(axis=1) + draw.integers(0, 2, n)) % 3]
    return proba, y, draw.uniform(0.1, 2, n)


def test_bayesian_and_expected_maps_by_counting_row_by_row():
    proba, y, s = told()
    said = {(a, b): 0.0 for a in range(4) for b in "xyz"}
    spread = dict(said)
    for row, label, weight in zip(proba, y, s, strict=True):
        said[row.argmax(), label] += weight
        for a in range(4):
            spread[a, label] += weight * row[a]
    bayesian = LabelMapping(Says("abcd"), method="bayesian", smoothing=0.5).fit(proba, y, sample_weight=s)
    expected = LabelMapping(Says("abcd"), method="expected").fit(proba, y, sample_weight=s)
    for a in range(4):
        total = sum(said[a, b] + 0.5 for b in "xyz")
        np.testing.assert_allclose(bayesian.map_[a], [(said[a, b] + 0.5) / total for b in "xyz"])
        total = sum(spread[a, b] for b in "xyz")
        np.testing.assert_allclose(expected.map_[a], [spread[a, b] / total for b in "xyz"])
    likelihood = 0.0
    for row, label, weight in zip(proba, y, s, strict=True):
        column = "xyz".index(label)
        likelihood += weight * np.log(sum(row[a] * expected.map_[a, column] for a in range(4)))
    assert expected.leep_ == pytest.approx(likelihood / s.sum(), rel=1e-10)
    np.testing.assert_allclose(expected.predict_proba(proba), proba @ expected.map_)
    twice = LabelMapping(Says("abcd"), method="expected").fit(np.repeat(proba, 2, axis=0), np.repeat(y, 2))
    once = LabelMapping(Says("abcd"), method="expected").fit(proba, y, sample_weight=np.full(50, 2.0))
    np.testing.assert_allclose(twice.map_, once.map_)


def test_the_frequent_map_takes_the_largest_counts_one_to_one():
    counts = np.array([[9.0, 8.0, 0.0], [7.0, 1.0, 2.0], [0.0, 0.0, 3.0], [0.0, 5.0, 4.0]])
    rows = [(a, b) for a in range(4) for b in range(3) for _ in range(int(counts[a, b]))]
    proba = np.eye(4)[[a for a, _ in rows]] * 0.7 + 0.075
    y = np.array([b for _, b in rows])
    found = LabelMapping(Says("abcd"), method="frequent").fit(proba, y).map_
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]])
