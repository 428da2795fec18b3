"""Fine-tuning of augmented examples: what is refused before the first step, what goes on to the bit."""

import json

import numpy as np
import pytest
import torch

from headstart.errors import InputError, UnknownNameError
from headstart.strategies.parameter.fine_tune import FineTune
from headstart.training import loop
from headstart.training.moving.last_blocks import LastBlocks
from headstart.training.trunk import open_trunk

FAST = {"epochs": 3, "cache": False, "device": "cpu", "batch_size": 8, "head_first": False}


def pictures(n=24, side=20):
    """Classes of different colour, with noise."""
    draw = np.random.default_rng(0)
    y = np.arange(n) % 2
    X = [draw.integers(0, 120, (side, side, 3), dtype=np.uint8) for _ in y]
    for picture, code in zip(X, y, strict=True):
        picture[..., code] += 100
    return X, y


class Killed(Exception):
    """The power went."""


@pytest.mark.parametrize("augmentation", ["crop_flip+trivial_augment", "flip+mixup+cutmix"])
def test_goes_on_where_it_was_killed(tmp_path, monkeypatch, augmentation):
    X, y = pictures()
    settings = {**FAST, "trainable": "full", "augmentation": augmentation}
    whole = FineTune("two_convolutions", **settings).fit(X, y)
    plain = FineTune("two_convolutions", **{**settings, "augmentation": "none"}).fit(X, y)
    step, seen = loop.add_gradient, []

    def counted(*args, **kwargs):
        seen.append(1)
        if len(seen) == 6:
            raise Killed
        return step(*args, **kwargs)

    monkeypatch.setattr(loop, "add_gradient", counted)
    with pytest.raises(Killed):
        FineTune("two_convolutions", checkpoint=tmp_path, **settings).fit(X, y)
    resumed = FineTune("two_convolutions", checkpoint=tmp_path, **settings).fit(X, y)
    states = [model.network_.state_dict() for model in (whole, resumed, plain)]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    assert any(not torch.equal(tensor, states[2][name]) for name, tensor in states[0].items())
    with pytest.raises(InputError, match="another one"):
        FineTune("two_convolutions", checkpoint=tmp_path, **{**settings, "augmentation": "flip"}).fit(X, y)


def test_auto_is_told_and_travels_with_the_state():
    X, y = pictures()
    model = FineTune("two_convolutions", augmentation="auto", **{**FAST, "epochs": 2}).fit(X, y)
    assert model.augmentation_ == "crop_flip+trivial_augment"
    info, arrays = model.to_state()
    loaded = FineTune.from_state(json.loads(json.dumps(info)), arrays)
    assert loaded.augmentation == "auto"
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_numbers_are_mixed():
    X, y = pictures()
    model = FineTune("two_convolutions", task="regression", augmentation="mixup", **FAST).fit(X, 1000.0 * y)
    assert np.isfinite(model.predict(X)).all()
    assert model.history_.n_steps > 0


@pytest.mark.parametrize("augmentation", ["crop_flip", "flip+mixup", "trivial_augment"])
def test_what_has_views_without_end_is_not_kept(tmp_path, augmentation):
    X, y = pictures()
    settings = {**FAST, "epochs": 2, "cache": str(tmp_path), "trainable": LastBlocks(1)}
    model = FineTune("two_convolutions", augmentation=augmentation, **settings).fit(X, y)
    assert model.border_ is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"augmentation": "token_dropout"}, "a name for pictures, got 'token_dropout'. Take one of crop_flip, cutmix"),
        ({"augmentation": "mixup", "head": "cosine"}, "a head without a margin for augmentation='mixup'"),
        ({"augmentation": "cutmix", "regulariser": "lwf"}, "examples by themselves for regulariser 'lwf'"),
        ({"augmentation": None}, "augmentation by name"),
    ],
)
def test_what_does_not_suit_is_told_before_the_first_step(monkeypatch, settings, message):
    def refuse(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(loop, "add_gradient", refuse)
    monkeypatch.setattr("headstart.strategies.parameter._tuning_begin.features_of", refuse)
    with pytest.raises(InputError, match=message):
        FineTune("two_convolutions", **{**FAST, **settings}).fit(*pictures(8))
    with pytest.raises(UnknownNameError, match="Did you mean 'crop_flip'"):
        FineTune("two_convolutions", **FAST, augmentation="crop_flp").fit(*pictures(8))


def test_special_tokens_of_a_real_tokenizer_stay():
    texts = ["one two three four five six seven eight nine ten", "a much longer text " * 80]
    trunk = open_trunk("all_minilm_l6_v2")
    plain, mask = trunk.loader(texts, is_training=True)(np.arange(2), 0)
    tokenizer = trunk.backbone.open_tokenizer()
    special = torch.tensor([tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]", "[PAD]")])
    is_special = torch.isin(plain, special)
    for name in ("token_dropout", "span_dropout"):
        found, same = trunk.loader(texts, name, is_training=True)(np.arange(2), 1)
        assert torch.equal(mask, same)
        assert torch.equal(found[is_special], plain[is_special])
        changed = found != plain
        assert changed.any()
        assert (found[changed] == tokenizer.token_to_id("[MASK]")).all()


@pytest.mark.parametrize("augmentation", ["spec_augment", "sound_mixing", "mixup"])
def test_sounds(augmentation):
    draw = np.random.default_rng(0)
    times = np.arange(16_000) / 16_000
    y = np.arange(12) % 2
    X = [(0.1 * np.sin(2 * np.pi * (300 + 900 * code) * times) + 0.01 * draw.normal(size=16_000)) for code in y]
    X = [(sound.astype(np.float32)[: 8_000 + 500 * place], 16_000) for place, sound in enumerate(X)]
    model = FineTune("sound_convolutions", augmentation=augmentation, **{**FAST, "head_first": True}).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.augmentation_ == augmentation
