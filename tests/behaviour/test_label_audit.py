"""Planted wrong labels and planted strangers are found, far above chance, over several seeds."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from headstart.evaluation.label_audit import outliers, suspicious_labels

N, N_CLASSES, SHARE = 400, 4, 0.05


def planted(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, N_CLASSES, N)
    X = rng.normal(size=(N_CLASSES, 20))[truth] + rng.normal(size=(N, 20))
    codes, flipped = truth.copy(), rng.permutation(N)[: int(SHARE * N)]
    codes[flipped] = (codes[flipped] + rng.integers(1, N_CLASSES, len(flipped))) % N_CLASSES
    return X, codes, flipped


@pytest.mark.parametrize("seed", range(5))
def test_flipped_labels_are_ranked_far_above_chance(seed):
    X, codes, flipped = planted(seed)
    proba = cross_val_predict(LogisticRegression(), X, codes, cv=5, method="predict_proba")
    rows, _ = suspicious_labels(codes, proba, n_most=len(flipped))
    assert np.isin(rows, flipped).mean() > 10 * SHARE
    assert np.isin(flipped, rows).mean() > 10 * SHARE


def test_labels_without_an_error_are_hardly_suspected():
    n_suspected = []
    for seed in range(5):
        X, codes, _ = planted(seed)
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, N_CLASSES, N)
        proba = cross_val_predict(LogisticRegression(), X, truth, cv=5, method="predict_proba")
        n_suspected.append(len(suspicious_labels(truth, proba, n_most=N)[0]))
    assert np.mean(n_suspected) < SHARE * N


@pytest.mark.parametrize("seed", range(5))
def test_strangers_are_the_farthest_out(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, 300)
    X = rng.normal(size=(3, 30))[codes] * 3 + rng.normal(size=(300, 30))
    strangers = rng.permutation(300)[:6]
    X[strangers] = rng.normal(size=(6, 30)) * 4
    assert np.isin(outliers(X, n_most=6)[0], strangers).mean() >= 0.8
