"""A few target labels beat the plain model of both domains, paired over seeds, where the source misleads."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from headstart.strategies.instance.tradaboost import TrAdaBoost
from headstart.strategies.instance.tradaboost_r2 import TrAdaBoostR2
from headstart.strategies.instance.two_stage_tradaboost_r2 import TwoStageTrAdaBoostR2

N_SEEDS = 12


def _classes(seed, turned, n=300, m=40):
    """A third of the source, in a corner of its own, is labelled the wrong way round where ``turned``."""
    rng = np.random.default_rng(seed)
    S, T = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, (500 + m, 2))
    y, z = (S[:, 0] > S[:, 1] ** 2 - 0.3).astype(int), (T[:, 0] > T[:, 1] ** 2 - 0.3).astype(int)
    y = np.where((S[:, 1] > 0.3) & turned, 1 - y, y)
    return S, y, T[:m], z[:m], T[m:], z[m:]


def _numbers(seed, turned, n=300, m=30):
    rng = np.random.default_rng(seed)
    S, T = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, (500 + m, 2))
    y, z = S[:, 0] + S[:, 1] ** 2 + 0.05 * rng.normal(size=n), T[:, 0] + T[:, 1] ** 2
    y = np.where((S[:, 1] > 0.3) & turned, y - 2, y)
    return S, y, T[:m], z[:m], T[m:], z[m:]


def _few(labels):
    return np.array(labels.tolist(), dtype=object)


@pytest.mark.parametrize("turned", [True, False])
def test_tradaboost(turned):
    gains = []
    for seed in range(N_SEEDS):
        S, y, F, f, T, z = _classes(seed, turned)
        tree = DecisionTreeClassifier(max_depth=4, random_state=0)
        plain = tree.fit(np.vstack([S, F]), np.concatenate([y, f])).score(T, z)
        boosted = TrAdaBoost(DecisionTreeClassifier(max_depth=4, random_state=0)).fit(
            S, y, X_target=F, y_target=_few(f)
        )
        gains.append(boosted.score(T, z) - plain)
    error = np.std(gains, ddof=1) / np.sqrt(N_SEEDS)
    assert np.mean(gains) > (3 * error if turned else -0.01)


def _regression_gains(method, turned):
    gains = []
    for seed in range(N_SEEDS):
        S, y, F, f, T, z = _numbers(seed, turned)
        tree = DecisionTreeRegressor(max_depth=4, random_state=0)
        plain = ((tree.fit(np.vstack([S, F]), np.concatenate([y, f])).predict(T) - z) ** 2).mean()
        boosted = method(DecisionTreeRegressor(max_depth=4, random_state=0)).fit(S, y, X_target=F, y_target=_few(f))
        gains.append(plain - ((boosted.predict(T) - z) ** 2).mean())
    return np.array(gains)


@pytest.mark.parametrize("method", [TrAdaBoostR2, TwoStageTrAdaBoostR2])
def test_regression(method):
    gains, where_all_is_well = _regression_gains(method, True), _regression_gains(method, False)
    assert gains.mean() > 3 * gains.std(ddof=1) / np.sqrt(N_SEEDS)
    assert where_all_is_well.mean() > -0.1 * gains.mean()


def test_a_linear_model_of_two_stages_ends_with_the_target():
    S, y, F, f, T, z = _numbers(0, True)
    plain = Ridge(1e-3).fit(np.vstack([S, F]), np.concatenate([y, f])).score(T, z)
    found = TwoStageTrAdaBoostR2(Ridge(1e-3)).fit(S, y, X_target=F, y_target=_few(f))
    assert found.score(T, z) > plain
