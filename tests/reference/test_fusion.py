"""Weights of fused predictors against general-purpose solvers, and what fusion is for."""

import numpy as np
import pytest
from scipy.optimize import minimize

from headstart.errors import InputError
from headstart.heads._log_pool import evidence, fit_pool, gated_terms, pooled
from headstart.heads.gated_fusion import GatedFusion
from headstart.heads.late_fusion import LateFusion
from headstart.heads.logistic import LogisticRegressionPath


def _two_parts(n=240, seed=0, missing=0.0):
    """Each part tells one of two bits, the class is both: neither part suffices alone."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, size=(n, 2))
    codes = bits[:, 0] * 2 + bits[:, 1]
    parts = [2.0 * bits[:, [b]] + 0.7 * rng.standard_normal((n, 4)) for b in (0, 1)]
    there = rng.random((n, 2)) >= missing
    there[:, 0] |= ~there.any(axis=1)
    blocks = [np.hstack([part * t[:, None], t[:, None]]) for part, t in zip(parts, there.T, strict=True)]
    return np.hstack(blocks), codes, (5, 5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_least", [None, 0.0])
def test_weights_are_the_least_log_loss(seed, at_least):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(3), size=(3, 80))
    codes, weights = rng.integers(0, 3, 80), rng.integers(1, 4, 80).astype(float)
    proba[0, np.arange(80), codes] += 0.5
    proba /= proba.sum(axis=2, keepdims=True)
    shares = np.bincount(codes, weights=weights) / weights.sum()

    def loss(w):
        scores = np.log(shares) + sum(wk * (np.log(p) - np.log(shares)) for wk, p in zip(w, proba, strict=True))
        right = scores[np.arange(80), codes] - np.log(np.exp(scores).sum(axis=1))
        return -(weights * right).sum() / weights.sum() + 1e-3 * (w**2).sum()

    found = fit_pool(evidence(proba, shares), shares, codes, weights, penalty=1e-3, at_least=at_least)
    brute = minimize(loss, np.ones(3), method="Nelder-Mead", bounds=[(at_least, None)] * 3,
                     options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000})  # fmt: skip
    np.testing.assert_allclose(found, brute.x, atol=1e-4)
    assert loss(found) <= brute.fun + 1e-10


def test_weights_of_one_are_the_product_rule():
    rng = np.random.default_rng(0)
    proba, shares = rng.dirichlet(np.ones(3), size=(2, 20)), np.array([0.5, 0.3, 0.2])
    product = proba[0] * proba[1] / shares
    found = pooled(evidence(proba, shares), np.ones(2), shares)
    np.testing.assert_allclose(found, product / product.sum(axis=1, keepdims=True), rtol=1e-3)


def test_a_part_that_knows_nothing_gets_no_weight():
    codes = np.arange(60) % 2
    knows = np.where(np.arange(60) % 10 < 8, 0.9, 0.1)
    proba = np.stack([np.where(codes[:, None] == [0, 1], knows[:, None], 1 - knows[:, None]), np.full((60, 2), 0.5)])
    shares = np.array([0.5, 0.5])
    weights = fit_pool(evidence(proba, shares), shares, codes, np.ones(60), penalty=1e-6, at_least=0.0)
    assert weights[1] == pytest.approx(0, abs=1e-3)
    assert weights[0] > 0.1


@pytest.mark.parametrize("head", [LateFusion, GatedFusion])
def test_parts_of_a_row_may_be_missing(head):
    X, codes, blocks = _two_parts(missing=0.3)
    fitted = head(blocks=blocks).fit(X[:160], codes[:160])
    nothing = fitted.predict_proba(np.zeros((1, X.shape[1])))
    np.testing.assert_allclose(nothing[0], np.bincount(codes[:160]) / 160, rtol=1e-6)
    only_first = X[160:].copy()
    only_first[:, 5:] = 0
    there = only_first[:, 4] > 0
    bit = fitted.predict_proba(only_first[there])[:, 2:].sum(axis=1) > 0.5
    assert (bit == codes[160:][there] // 2).mean() > 0.9


def test_late_fusion_beats_each_part_alone():
    gains = []
    for seed in range(5):
        X, codes, blocks = _two_parts(seed=seed)
        fused = LateFusion(blocks=blocks).fit(X[:160], codes[:160]).predict_proba(X[160:])
        right = np.arange(80), codes[160:]
        loss = -np.log(fused[right]).mean()
        alone = [LogisticRegressionPath().fit(X[:160, b], codes[:160]).predict_proba(X[160:, b])[right]
                 for b in (slice(0, 5), slice(5, 10))]  # fmt: skip
        gains.append(min(-np.log(p).mean() for p in alone) - loss)
    assert min(gains) > 0


def test_the_gate_learns_when_a_predictor_is_to_be_trusted():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2, 600)
    sure = rng.random(600) < 0.5
    right = np.where(sure, rng.random(600) < 0.95, rng.random(600) < 0.2)  # below even odds where it is unsure
    top = np.where(sure, 0.95, 0.6)
    said = np.where(right, codes, 1 - codes)
    proba = np.where(said[:, None] == [0, 1], top[:, None], 1 - top[:, None])[None]
    shares = np.array([0.5, 0.5])

    def loss(terms, **settings):
        pool = fit_pool(terms[:, :400], shares, codes[:400], np.ones(400), **settings)
        return -np.log(pooled(terms[:, 400:], pool, shares)[np.arange(200), codes[400:]]).mean()

    assert loss(gated_terms(proba, shares), penalty=1e-3) < loss(evidence(proba, shares), at_least=0.0) - 0.05


def test_blocks_that_do_not_add_up_are_refused():
    X, codes, _ = _two_parts()
    with pytest.raises(InputError, match="widths add up to 10 columns"):
        LateFusion(blocks=(3, 3)).fit(X, codes)
