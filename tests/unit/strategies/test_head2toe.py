import numpy as np
import pytest
import torch
from torch import nn

from headstart.errors import InputError
from headstart.strategies.parameter.head2toe import Head2Toe
from headstart.training.layer_features import layer_features
from headstart.training.trunk import open_trunk

N = 40


class Forgetful(nn.Module):
    """The first block keeps all channels; what the last one gives hangs on channel 0 alone."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.early, self.late = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 5, 3)
        with torch.no_grad():
            self.early.weight.copy_(torch.eye(6)[:, :3, None, None])
            self.late.weight[:, 1:] = 0

    def forward(self, x):
        return self.late(self.early(x)).mean((2, 3))


def pictures(n=N, seed=0):
    """Labels stand in channel 1 alone."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, 3, 8, 8)).astype(np.float32)
    y = np.array(["low", "high"])[np.arange(n) % 2]
    X[y == "high", 1] += 0.8
    return list(X), y


def model(tmp_path, **settings):
    return Head2Toe(Forgetful(), cache=tmp_path, **({"fraction": 0.2, "layer_size": 24} | settings))


def test_it_finds_the_layer_that_tells_and_reads_raw_examples(tmp_path):
    X, y = pictures()
    fitted = model(tmp_path).fit(X, y)
    rest, truth = pictures(30, seed=1)
    assert fitted.sizes_ == {"early": 24, "late": 5 * 4}
    assert fitted.n_kept_["early"] > fitted.n_kept_["late"]
    assert sum(fitted.n_kept_.values()) == len(fitted.columns_) == 9
    assert fitted.score(rest, truth) >= 0.9
    proba = fitted.predict_proba(rest)
    assert proba.shape == (30, 2)
    np.testing.assert_allclose(proba.sum(1), 1)
    assert fitted.predict(rest).tolist() == fitted.classes_[proba.argmax(1)].tolist()
    np.testing.assert_allclose(fitted.predict_proba(rest[3:4]), proba[3:4], atol=1e-5)
    assert fitted.predict_proba([]).shape == (0, 2)


def test_each_example_goes_through_the_backbone_once(tmp_path):
    X, y = pictures()
    fitted = model(tmp_path).fit(X, y)
    counted = []
    fitted.trunk_.module.register_forward_hook(lambda module, args, output: counted.append(len(args[0])))
    fitted.predict(X)
    assert sum(counted) <= 8  # a few for the shape; all others come from the cache
    counted.clear()
    fitted.predict(pictures(20, seed=5)[0])
    assert 20 <= sum(counted) <= 28


def test_settings_of_the_layers_are_in_the_key(tmp_path):
    X, y = pictures()
    wide = model(tmp_path, layer_size=54).fit(X, y)
    assert wide.sizes_["early"] == 54
    alone = model(tmp_path / "other", layer_size=24).fit(X, y)
    np.testing.assert_array_equal(model(tmp_path, layer_size=24).fit(X, y).predict_proba(X), alone.predict_proba(X))


def test_same_seed_same_model_and_weights_count(tmp_path):
    X, y = pictures()
    first, again = model(tmp_path).fit(X, y), model(tmp_path).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    doubled = model(tmp_path).fit(X, y, sample_weight=np.r_[np.full(N // 2, 5.0), np.ones(N // 2)])
    assert not np.allclose(first.predict_proba(X), doubled.predict_proba(X))


def test_the_state_is_json_and_arrays_and_brings_the_model_back(tmp_path):
    import json

    X, y = pictures()
    fitted = model(tmp_path).fit(X, y)
    info, arrays = fitted.to_state()
    other = Forgetful()
    nn.init.ones_(other.late.weight)
    again = Head2Toe.from_state(json.loads(json.dumps(info)), arrays, backbone=other)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(InputError, match="another architecture"):
        Head2Toe.from_state(info, arrays, backbone=nn.Conv2d(3, 2, 1))
    with pytest.raises(InputError, match="one's own"):
        Head2Toe.from_state(info, arrays)
    with pytest.raises(InputError, match="state of 'head2toe', got 'other'"):
        Head2Toe.from_state(info | {"strategy": "other"}, arrays)


def test_bad_input_is_told_before_the_backbone_is_run(tmp_path):
    X, y = pictures()
    with pytest.raises(InputError, match=r"fraction above 0, up to 1, got 0; strength .* got 2"):
        model(tmp_path, fraction=0, strength=2).fit(X, y)
    with pytest.raises(InputError, match="list of examples, got 'one"):
        model(tmp_path).fit("one.png", y)
    with pytest.raises(InputError, match="at least 2 classes"):
        model(tmp_path).fit(X, ["a"] * N)
    with pytest.raises(InputError, match="max_bytes=1 KB"):
        model(tmp_path, max_bytes="1KB").fit(X, y)


@pytest.mark.parametrize(
    ("backbone", "examples"),
    [
        ("all_minilm_l6_v2", ["a short one", "a sentence that is quite a bit longer than the other one", "w " * 400]),
        ("whisper_tiny", [(np.random.default_rng(i).normal(0, 0.1, 9000 * i).astype("f4"), 16000) for i in (1, 2, 3)]),
    ],
)
def test_layers_of_encoders_of_texts_and_sound_are_those_of_each_example_alone(backbone, examples):
    trunk = open_trunk(backbone)
    module, loader = layer_features(trunk, layer_size=64).eval(), trunk.loader(examples)
    with torch.no_grad():
        alone = torch.cat([module(*loader(np.array([row]), 0)) for row in range(3)])
        together = module(*loader(np.arange(2), 0))
    part = next(part for part in module.modules() if hasattr(part, "sizes"))
    assert len(part.sizes) >= 6
    assert alone.shape == (3, sum(part.sizes.values()))
    assert torch.allclose(together, alone[:2], atol=2e-5)
    lengths = torch.stack([rows.norm(dim=1) for rows in alone[:2].split(list(part.sizes.values()), dim=1)])
    assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")
def test_an_image_backbone_by_name(tmp_path):
    draw = np.random.default_rng(0)
    X = [draw.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(24)]
    y = np.arange(24) % 3
    for picture, label in zip(X, y, strict=True):
        picture[..., label] //= 2
    fitted = Head2Toe("efficientnet_lite0", resolution=64, layer_size=256, cache=tmp_path).fit(X, y)
    assert fitted.score(X, y) == 1
    info, arrays = fitted.to_state()
    np.testing.assert_array_equal(Head2Toe.from_state(info, arrays).predict(X), fitted.predict(X))
