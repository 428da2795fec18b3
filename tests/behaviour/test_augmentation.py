"""Augmentation takes away what a picture happens to show, and leaves what it means."""

import numpy as np
import torch
from torch import nn

from headstart.strategies.parameter.fine_tune import FineTune
from headstart.training.own_backbone import own_backbone
from headstart.types import ImageInput

N, SIDE = 64, 12
SEEDS = range(3)


def planted(seed, *, is_by_chance):
    """A spot that is a little redder or a little greener; where it stands says the class too, or is chance."""
    draw = np.random.default_rng([seed, is_by_chance])
    y = np.arange(N) % 2
    X = []
    for code in y:
        picture = draw.integers(0, 60, (SIDE, SIDE, 3))
        left = draw.integers(2) if is_by_chance else code
        columns = slice(1, 5) if left else slice(SIDE - 5, SIDE - 1)
        picture[4:8, columns] += np.array([[110, 70, 0], [70, 110, 0]])[code]
        X.append(picture.astype(np.uint8))
    return X, y


def accuracy(seed, augmentation):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten())
    backbone = own_backbone(module, ImageInput(SIDE, SIDE, crop_fraction=1.0))
    model = FineTune(
        backbone, trainable="full", augmentation=augmentation, epochs=14, learning_rate=1e-2, cache=False, device="cpu",
        head_first=False, validation_fraction=0.0, random_state=seed,
    )  # fmt: skip
    model.fit(*planted(seed, is_by_chance=False))
    return model.score(*planted(seed, is_by_chance=True))


def test_mirrored_pictures_do_not_say_on_which_side_things_are():
    plain, mirrored = (np.array([accuracy(seed, name) for seed in SEEDS]) for name in ("none", "flip"))
    assert plain.mean() < 0.7
    assert (mirrored > plain + 0.15).all()
    assert mirrored.mean() > 0.9
