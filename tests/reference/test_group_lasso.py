"""The group lasso against plain proximal gradient run to the end, and against the conditions of its optimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.strategies._mathematics.group_lasso import group_lasso


def problem(n=60, d=15, n_classes=3, seed=0):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, d)) * draw.uniform(0.2, 3, d) + draw.normal(size=d)
    codes = np.concatenate([np.arange(n_classes), draw.integers(0, n_classes, n - n_classes)])
    X[:, 0] += 2 * codes
    return X, codes, draw.uniform(0, 2, n)


def mean_loss(X, codes, share, coef, intercept):
    scores = X @ coef + intercept
    scores -= scores.max(1, keepdims=True)
    return share @ (np.log(np.exp(scores).sum(1)) - scores[np.arange(len(X)), codes])


def dense(X, codes, n_classes, share, penalty):
    """Proximal gradient with one small step, no acceleration, no working set, for a very long time."""
    with_one = np.column_stack([X, np.ones(len(X))])
    step = 1 / np.linalg.eigvalsh(0.5 * with_one.T @ (share[:, None] * with_one))[-1]
    W, targets = np.zeros((with_one.shape[1], n_classes)), np.eye(n_classes)[codes]
    for _ in range(60_000):
        chances = np.exp(with_one @ W)
        chances /= chances.sum(1, keepdims=True)
        W = W - step * with_one.T @ (share[:, None] * (chances - targets))
        lengths = np.linalg.norm(W[:-1], axis=1, keepdims=True)
        W[:-1] *= np.maximum(0, 1 - step * penalty / np.maximum(lengths, 1e-300))
    return W[:-1], W[-1]


@pytest.mark.parametrize(("n_classes", "weighted"), [(2, False), (3, True)])
@pytest.mark.parametrize("strength", [0.05, 0.5])
def test_it_is_what_plain_proximal_gradient_ends_at(n_classes, weighted, strength):
    X, codes, weights = problem(n_classes=n_classes)
    share = weights / weights.sum() if weighted else np.full(len(X), 1 / len(X))
    found = group_lasso(X, codes, n_classes, strength=strength, weights=weights if weighted else None, tol=1e-8)
    coef, intercept = dense(X, codes, n_classes, share, found.penalty)
    assert 0 < np.any(coef, axis=1).sum() < X.shape[1]
    np.testing.assert_array_equal(np.any(found.coef, axis=1), np.any(coef, axis=1))
    np.testing.assert_allclose(found.coef, coef, atol=1e-6)
    np.testing.assert_allclose(found.intercept - found.intercept[0], intercept - intercept[0], atol=1e-6)


def check_conditions(X, codes, n_classes, share, found, tol):
    """Gradient of the loss from finite differences against what the optimum asks of it."""
    scores = X @ found.coef + found.intercept
    chances = np.exp(scores - scores.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    residual = share[:, None] * (chances - np.eye(n_classes)[codes])
    gradient, lengths = X.T @ residual, np.linalg.norm(found.coef, axis=1)
    bound, scale = tol * found.penalty, np.abs(X).max(0)
    assert np.abs(residual.sum(0)).max() <= bound * 10
    inside = lengths == 0
    assert (np.linalg.norm(gradient[inside], axis=1) <= found.penalty + 20 * bound * np.maximum(scale[inside], 1)).all()
    edge = gradient[~inside] + found.penalty * found.coef[~inside] / lengths[~inside, None]
    assert (np.abs(edge) <= 20 * bound * np.maximum(scale[~inside, None], 1)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conditions_hold_with_many_more_features_than_rows(dtype):
    X, codes, weights = problem(n=80, d=3000, n_classes=4)
    for strength in (0.02, 0.2, 0.8):
        found = group_lasso(X.astype(dtype), codes, 4, strength=strength, weights=weights)
        check_conditions(X, codes, 4, weights / weights.sum(), found, 1e-3)
        assert np.any(found.coef, axis=1).sum() < 400


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.floats(0.05, 0.99))
def test_no_step_away_lowers_the_objective(seed, strength):
    X, codes, weights = problem(n=30, d=8, seed=seed)
    share = weights / weights.sum()
    found = group_lasso(X, codes, 3, strength=strength, weights=weights, tol=1e-7)

    def objective(coef, intercept):
        return mean_loss(X, codes, share, coef, intercept) + found.penalty * np.linalg.norm(coef, axis=1).sum()

    least, draw = objective(found.coef, found.intercept), np.random.default_rng(seed)
    for size in (1e-1, 1e-3):
        for _ in range(20):
            moved = found.coef + size * draw.normal(size=found.coef.shape)
            assert objective(moved, found.intercept + size * draw.normal(size=3)) >= least - 1e-12


def test_at_full_strength_nothing_is_left_and_relevance_tells_who_would_be_next():
    X, codes, _ = problem()
    found = group_lasso(X, codes, 3, strength=1.0)
    assert not found.coef.any()
    assert (found.relevance <= 0).all()
    first = group_lasso(X, codes, 3, strength=0.97)
    assert np.flatnonzero(np.any(first.coef, axis=1)).tolist() == [np.argmax(found.relevance)]
    shifted = group_lasso(X + 100, codes, 3, strength=0.3, tol=1e-6)
    plain = group_lasso(X, codes, 3, strength=0.3, tol=1e-6)
    np.testing.assert_allclose(shifted.coef, plain.coef, atol=1e-5)
