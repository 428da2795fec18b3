"""Estimates of accuracy beat the source's own figure under planted shifts, and agree with it without one."""

from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from headstart.evaluation.accuracy_estimate import estimate_accuracy
from headstart.evaluation.accuracy_estimates.registry import ACCURACY_ESTIMATES

N_SEEDS = 7


def _nearer(seed, shift, n=400):
    """A boundary in the first column; the target's rows come nearer to it, where they are harder."""
    rng = np.random.default_rng(seed)
    S = rng.standard_normal((n, 3)) * [2.0, 1, 1]
    T = rng.standard_normal((n, 3)) * [2.0 - shift, 1, 1]
    labels = [(X[:, 0] + rng.logistic(size=n) * 0.6 > 0).astype(int) for X in (S, T)]
    return S, labels[0], T, labels[1]


def _more_hopeless(seed, shift, n=400):
    """Rows that are told at once and rows about which nothing is known; the target has more of those."""
    rng, found = np.random.default_rng(seed), []
    for share in (0.1, 0.1 + shift / 2):
        y, is_hopeless = rng.integers(0, 2, n), rng.random(n) < share
        place = np.where(is_hopeless, rng.standard_normal(n) * 0.3, (2 * y - 1) * (2 + rng.random(n)))
        found += [np.column_stack([place, rng.standard_normal((n, 2))]), y]
    return found


def _other_shares(seed, shift, n=400):
    """Overlapping classes of which the target has other shares; the source's smaller class is seldom told right."""
    rng, found = np.random.default_rng(seed), []
    for share in (0.15, 0.15 + shift / 2):
        y = (rng.random(n) < share).astype(int)
        found += [rng.standard_normal((n, 3)) + 1.6 * np.outer(y, [1, 0, 0]), y]
    return found


SHIFTS = {"nearer": _nearer, "more_hopeless": _more_hopeless, "other_shares": _other_shares}


@cache
def _domains(kind, seed, shift):
    S, y, T, z = SHIFTS[kind](seed, shift)
    P = cross_val_predict(LogisticRegression(), S, y, cv=5, method="predict_proba")
    return S, y, T, z, P, LogisticRegression().fit(S, y).predict_proba(T)


def _errors(method, kind, shift):
    errors = []
    for seed in range(N_SEEDS):
        S, y, T, z, P, Q = _domains(kind, seed, shift)
        found = estimate_accuracy(P, y, Q, method=method, source_features=S, target_features=T)
        own, true = np.mean(P.argmax(axis=1) == y), np.mean(Q.argmax(axis=1) == z)
        errors.append((found.value - true, own - true, found.low <= true <= found.high))
    return np.array(errors)


@pytest.mark.parametrize("method", ["combined", *ACCURACY_ESTIMATES.names()])
def test_it_beats_the_sources_own_figure_under_covariate_shift(method):
    planted = {"atc": "more_hopeless", "class_weighting": "other_shares"}
    errors = _errors(method, planted.get(method, "nearer"), 1.4)
    assert (errors[:, 1] > 0.05).all()
    assert np.abs(errors[:, 0]).mean() < 0.5 * np.abs(errors[:, 1]).mean()


@pytest.mark.parametrize("method", ["combined", *ACCURACY_ESTIMATES.names()])
def test_without_a_shift_it_is_right(method):
    errors = _errors(method, "nearer", 0.0)
    assert np.abs(errors[:, 0]).mean() < 0.04
    assert errors[:, 2].mean() > 0.9


@pytest.mark.parametrize("method", ["combined", "agreement"])
def test_the_interval_holds_under_shift(method):
    held = [_errors(method, kind, shift)[:, 2].mean() for kind in ("nearer", "more_hopeless") for shift in (0.7, 1.4)]
    assert min(held) >= 0.85
