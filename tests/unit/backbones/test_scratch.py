"""Small networks with random weights."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from headstart.backbones.registry import open_backbone
from headstart.features.encoder import Encoder


def test_two_convolutions_written_out_and_for_pictures_of_any_size():
    module = open_backbone("two_convolutions").open().module
    state = module.state_dict()
    for height, width in ((28, 28), (64, 64), (37, 90), (4, 4)):
        x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
        maps = x
        for name in ("conv1.0", "conv2.0"):
            maps = functional.conv2d(maps, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)
            maps = functional.max_pool2d(maps.clamp_min(0), 2)
        assert maps.shape[2:] == (height // 4, width // 4)
        rows = functional.adaptive_avg_pool2d(maps, 4).flatten(1) @ state["dense.weight"].T + state["dense.bias"]
        torch.testing.assert_close(module(x).detach(), rows.clamp_min(0))


def test_sound_convolutions_give_a_state_for_two_frames_and_hear_what_is_near():
    module = open_backbone("sound_convolutions").open().module
    x = torch.randn(1, 80, 200, generator=torch.Generator().manual_seed(0))
    states = module(x).detach()
    assert states.shape == (1, 100, 128)
    changed = x.clone()
    changed[:, :, 100] += 5
    differs = (module(changed).detach() != states).any(dim=2)[0].nonzero()[:, 0]
    assert (int(differs.min()), int(differs.max())) == (41, 59)


@pytest.mark.parametrize("name", ["two_convolutions", "sound_convolutions"])
def test_cards_tell_the_truth_and_the_gradient_reaches_every_weight(name):
    opened = open_backbone(name).open()
    assert opened.card.parameters == sum(p.numel() for p in opened.module.parameters())
    assert opened.card.weights == "random"
    shape = (4, 3, 64, 64) if name == "two_convolutions" else (4, 80, 100)
    opened.module(torch.randn(shape, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in opened.module.parameters())
    assert list(opened.blocks)[:2] == ["conv1", "conv2"]
    assert len(opened.blocks) == 3


def test_the_encoder_takes_them():
    draw = np.random.default_rng(0)
    pictures = list(draw.integers(0, 256, (3, 40, 50, 3), dtype=np.uint8))
    sounds = [(draw.normal(0, 0.1, n).astype(np.float32), 16_000) for n in (16_000, 24_000)]
    for name, examples in (("two_convolutions", pictures), ("sound_convolutions", sounds)):
        rows = Encoder(name, runtime="torch", cache=False).fit(examples).transform(examples)
        assert rows.shape == (len(examples), 128)
        assert np.isfinite(rows).all()
        alone = Encoder(name, runtime="torch", cache=False).fit(examples).transform(examples[:1])
        np.testing.assert_allclose(alone, rows[:1], rtol=1e-4, atol=1e-5)
