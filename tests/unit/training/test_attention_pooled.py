"""Pooling by a learnt query: begins at the mean, finds the place that counts, travels with the model."""

import json

import numpy as np
import pytest
import torch

from headstart.errors import InputError
from headstart.strategies.parameter.fine_tune import FineTune
from headstart.training.attention_pooled import PositionAttention
from headstart.training.trunk import open_trunk

BACKBONE = "timm/test_efficientnet.r160_in1k@random"
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")


def test_it_is_the_weighted_mean_less_the_plain_one():
    draw = np.random.default_rng(0)
    positions, query = draw.normal(size=(3, 7, 5)), draw.normal(size=5)
    layer = PositionAttention(5).double()
    with torch.no_grad():
        layer.query.copy_(torch.from_numpy(query))
        found = layer(torch.from_numpy(positions)).numpy()
    for example, row in zip(positions, found, strict=True):
        weights = np.array([np.exp(place @ query / np.sqrt(5)) for place in example])
        expected = sum(w * place for w, place in zip(weights / weights.sum(), example, strict=True))
        np.testing.assert_allclose(row, expected - example.mean(axis=0), atol=1e-12)


def test_it_begins_at_the_backbones_own_features():
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    trunks = [open_trunk(BACKBONE, resolution=64, pooling=pooling) for pooling in ("mean", "attention")]
    with torch.inference_mode():
        plain, pooled = (trunk.module(pixels) for trunk in trunks)
    assert torch.allclose(plain, pooled, atol=1e-6)
    assert list(trunks[1].blocks)[-1] == "attention_pooling"


def test_the_query_moves_and_travels_with_the_model():
    draw = np.random.default_rng(0)
    y = np.arange(16) % 2
    X = [draw.integers(0, 60, (48, 48, 3), dtype=np.uint8) for _ in y]
    for picture, code in zip(X, y, strict=True):
        picture[:12, :12, code] += 150
    settings = {"epochs": 2, "cache": False, "device": "cpu", "resolution": 64, "learning_rate": 0.01}
    model = FineTune(BACKBONE, pooling="attention", trainable="last_blocks", validation_fraction=0.0, **settings)
    model.fit(X, y)
    assert model.network_.trunk.attention.query.abs().max() > 0
    info, arrays = model.to_state()
    again = FineTune.from_state(json.loads(json.dumps(info)), arrays)
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_what_it_is_not_for_is_told():
    with pytest.raises(InputError, match="needs pictures for pooling='attention'"):
        FineTune("all_minilm_l6_v2", pooling="attention").fit(["a text", "another"] * 4, [0, 1] * 4)
    with pytest.raises(InputError, match="pooling of mean, attention, got 'max'"):
        FineTune("two_convolutions", pooling="max").fit([np.zeros((8, 8, 3), np.uint8)] * 4, [0, 1] * 2)
