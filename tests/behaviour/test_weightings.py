"""Each weighting beats the unweighted model under its shift, paired over seeds, and does no harm elsewhere."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from headstart.strategies.instance.registry import WEIGHTINGS
from headstart.strategies.instance.reweighted import Reweighted

N_SEEDS = 15
LABEL_SHIFT = [name for name in WEIGHTINGS.names() if WEIGHTINGS.make(name).needs_source_labels]
COVARIATE_SHIFT = [name for name in WEIGHTINGS.names() if name not in LABEL_SHIFT]


def _curve(X):
    return 0.5 * X[:, 0] ** 2 + np.sin(X[:, 1])


def _covariate_shift(seed, shift, width, n=200):
    rng = np.random.default_rng(seed)
    S = rng.normal(size=(n, 2))
    T = np.column_stack([rng.normal(shift, width, n), rng.normal(size=n)])
    return S, _curve(S) + 0.3 * rng.normal(size=n), T, _curve(T)


def _label_shift(seed, share, n=300):
    rng = np.random.default_rng(seed)
    y, z = ((rng.uniform(size=n) < p).astype(int) for p in (0.5, share))
    S, T = (np.column_stack([1.2 * c, -0.8 * c]) + rng.normal(size=(n, 2)) for c in (y, z))
    return S, y, T, z


def _gains(name, shift):
    """Loss of the plain model less that of the weighted one, on the target, for each seed."""
    return np.array([_gain(name, shift, seed) for seed in range(N_SEEDS)])


def _gain(name, shift, seed):
    if name in LABEL_SHIFT:
        S, y, T, z = _label_shift(seed, 0.9 if shift else 0.5)
        plain = LogisticRegression().fit(S, y)
        adapted = Reweighted(LogisticRegression(), WEIGHTINGS.make(name)).fit(S, y, X_target=T)
        losses = [-np.log(m.predict_proba(T)[np.arange(len(z)), z]).mean() for m in (plain, adapted)]
    else:
        S, y, T, z = _covariate_shift(seed, *((1.0, 0.6) if shift else (0.0, 1.0)))
        few = None
        if WEIGHTINGS.make(name).needs_target_labels:
            few = np.array([v if place % 10 == 0 else None for place, v in enumerate(z)], dtype=object)
        plain = LinearRegression().fit(S, y)
        adapted = Reweighted(LinearRegression(), WEIGHTINGS.make(name)).fit(S, y, X_target=T, y_target=few)
        losses = [((m.predict(T) - z) ** 2).mean() for m in (plain, adapted)]
    return losses[0] - losses[1]


@pytest.mark.parametrize("name", WEIGHTINGS.names())
def test_it_beats_the_unweighted_model_under_its_shift(name):
    gains = _gains(name, shift=True)
    assert gains.mean() > 3 * gains.std(ddof=1) / np.sqrt(N_SEEDS)


@pytest.mark.parametrize("name", WEIGHTINGS.names())
def test_without_a_shift_it_costs_next_to_nothing(name):
    gains, with_shift = _gains(name, shift=False), _gains(name, shift=True)
    assert gains.mean() > -0.1 * with_shift.mean()


@pytest.mark.parametrize("name", COVARIATE_SHIFT[1:])
def test_an_estimated_ratio_follows_the_true_one(name):
    correlations = []
    for seed in range(5):
        S, _, T, _ = _covariate_shift(seed, 1.0, 0.6)
        true = np.exp(S[:, 0] ** 2 / 2 - (S[:, 0] - 1.0) ** 2 / (2 * 0.36))
        correlations.append(np.corrcoef(WEIGHTINGS.make(name).fit(S, T).weights_, true)[0, 1])
    assert np.median(correlations) > 0.5


@pytest.mark.parametrize("name", LABEL_SHIFT)
def test_the_class_weights_find_the_targets_shares(name):
    errors = []
    for seed in range(8):
        S, y, T, z = _label_shift(seed, 0.8, n=1000)
        found = WEIGHTINGS.make(name).fit(S, T, y_source=y)
        errors.append(found.class_weights_[1] * y.mean() - z.mean())
    assert abs(np.mean(errors)) < 0.05
