"""Moving the trunk beats the probe where the pretrained features say nothing, and does no harm where they say all."""

import numpy as np
import pytest
import torch
from torch import nn

from headstart.strategies.parameter.fine_tune import FineTune

N, D = 240, 8
SETTINGS = {"trainable": "full", "learning_rate": 1e-2, "epochs": 20, "cache": False, "device": "cpu"}


def planted(seed, *, is_blind):
    """Rows whose first number says the class, and a trunk that looks at it or does not."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(2 * N, D)).astype(np.float32)
    y = (X[:, 0] + 0.3 * draw.normal(size=2 * N) > 0).astype(int)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        trunk = nn.Sequential(nn.Linear(D, 16), nn.Tanh())
    if is_blind:
        with torch.no_grad():
            trunk[0].weight[:, 0] = 0
    return trunk, X[:N], y[:N], X[N:], y[N:]


def accuracies(seed, *, is_blind):
    trunk, X, y, X_new, y_new = planted(seed, is_blind=is_blind)
    probe = FineTune(trunk, **{**SETTINGS, "trainable": "linear_probe"}).fit(X, y)
    tuned = FineTune(trunk, **SETTINGS, random_state=seed).fit(X, y)
    return probe.score(X_new, y_new), tuned.score(X_new, y_new)


SEEDS = range(5)


def test_tuned_features_beat_useless_ones():
    probe, tuned = np.array([accuracies(seed, is_blind=True) for seed in SEEDS]).T
    assert probe.max() < 0.65
    assert (tuned > probe + 0.2).all()
    assert tuned.mean() > 0.85


def test_tuning_does_no_harm_where_the_features_say_all():
    probe, tuned = np.array([accuracies(seed, is_blind=False) for seed in SEEDS]).T
    assert probe.mean() > 0.85
    assert tuned.mean() > probe.mean() - 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_head_first_begins_where_a_cold_head_must_first_get(seed):
    """The loss on what judges, after one epoch, is lower with the head first."""
    trunk, X, y, X_new, y_new = planted(seed, is_blind=False)
    settings = {**SETTINGS, "epochs": 1, "learning_rate": 1e-3, "random_state": seed}
    losses = [
        FineTune(trunk, head_first=first, **settings).fit(X, y, X_valid=X_new, y_valid=y_new).valid_loss_
        for first in (True, False)
    ]
    assert losses[0] < losses[1] - 0.05
