"""A fine-tuned backbone of each kind that a package holds, through JSON and safetensors and back."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from headstart.backbones.registry import get_card, is_ready
from headstart.strategies.parameter.fine_tune import FineTune
from headstart.testing.raw_estimator_checks import raw_case
from headstart.training.moving.last_blocks import LastBlocks
from headstart.training.trunk import open_trunk


@pytest.mark.parametrize("name", ["efficientnet_lite0", "all_minilm_l6_v2", "whisper_tiny"])
def test_state_of_an_embedded_backbone(name):
    card = get_card(name)
    if not is_ready(card):
        pytest.skip(f"{name} is not on this machine")
    case = raw_case(None, card.modality)
    X, y = case.X[:8], case.y[:8]
    settings = {"trainable": LastBlocks(1), "head_first": False, "epochs": 1, "cache": False, "device": "cpu"}
    model = FineTune(name, **settings).fit(X, y)
    info, arrays = model.to_state()
    loaded = FineTune.from_state(json.loads(json.dumps(info)), load(save(arrays)))
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    pretrained = open_trunk(name).module.state_dict()
    moved = [n for n, array in arrays.items() if n.startswith("network:trunk.")]
    assert any(not np.array_equal(arrays[n], pretrained[n.removeprefix("network:trunk.")].numpy()) for n in moved)
