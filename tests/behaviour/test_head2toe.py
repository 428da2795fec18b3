"""Head2Toe against a probe of the last features, where the last features have lost what the task asks for."""

import numpy as np
import pytest

from headstart.features.encoder import Encoder
from headstart.heads.logistic import LogisticRegressionPath
from headstart.strategies.parameter.head2toe import Head2Toe

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")

SETTINGS = {"resolution": 64}
BACKBONE = "efficientnet_lite0"


def pictures(n, seed):
    """Noise of one brightness; fine stripes, which only the first layers can tell, lie across or along."""
    draw = np.random.default_rng(seed)
    X = draw.normal(128, 50, (n, 64, 64, 3))
    y = np.arange(n) % 2
    stripes = 7 * np.where(np.arange(64) // 2 % 2, 1, -1)
    X[y == 0] += stripes[:, None, None]
    X[y == 1] += stripes[None, :, None]
    return list(X.clip(0, 255).astype(np.uint8)), y


def accuracies(seed, tmp_path):
    (X, y), (rest, truth) = pictures(60, seed), pictures(200, 1000 + seed)
    encoder = Encoder(BACKBONE, cache=tmp_path, runtime="torch", **SETTINGS)
    probe = LogisticRegressionPath(random_state=seed).fit(encoder.transform(X), y)
    ours = Head2Toe(BACKBONE, cache=tmp_path, random_state=seed, **SETTINGS).fit(X, y)
    return probe.score(encoder.transform(rest), truth), ours.score(rest, truth)


@pytest.mark.slow
def test_it_beats_the_probe_where_early_layers_tell_more(tmp_path):
    probe, ours = np.array([accuracies(seed, tmp_path) for seed in range(3)]).T
    assert (ours > probe + 0.05).all(), (probe, ours)
    assert ours.mean() > 0.8
