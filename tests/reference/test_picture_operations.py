"""Operations on pictures against torchvision's own TrivialAugment and RandAugment."""

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment, TrivialAugmentWide

from headstart.training.augmentation import rand_augment, trivial_augment
from headstart.training.augmentation._augmentation import Draws, Prepared
from headstart.training.augmentation._picture_operations import N_BINS, OPERATIONS, apply_operation, magnitude_of

SIDE = 224
"""At this side translations of TrivialAugment are torchvision's 32 pixels."""


def theirs(name):
    return "".join(part.capitalize() for part in name.split("_"))


class Heads:
    """A coin that always falls on the positive side."""

    def random(self):
        return 0.9


def picture():
    draw = np.random.default_rng(0)
    rough = torch.from_numpy(draw.uniform(0, 255, (1, 3, 9, 9)).astype(np.float32))
    return torch.nn.functional.interpolate(rough, SIDE, mode="bilinear")[0].round().to(torch.uint8)


@pytest.mark.parametrize(
    ("member", "make"),
    [(trivial_augment, TrivialAugmentWide), (rand_augment, RandAugment)],
    ids=["trivial_augment", "rand_augment"],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_that_of_torchvision(member, make, name):
    reference = make(interpolation=InterpolationMode.BILINEAR)
    magnitudes, _ = reference._AUGMENTATION_SPACE[theirs(name)]
    values = magnitudes(N_BINS, SIDE, SIDE)
    for place in (0, 9, 17, 30):
        found = magnitude_of(name, place, member.MOST.get(name, member.SHIFT * SIDE), Heads())
        wanted = 0.0 if values is None else float(values[place])
        if values is not None:
            assert found == pytest.approx(wanted, abs=1e-4)
        shown = reference._apply_image_or_video_transform(
            picture(), theirs(name), wanted, interpolation=InterpolationMode.BILINEAR, fill={}
        )
        assert torch.equal(apply_operation(picture(), name, wanted if values is not None else found), shown)


def test_they_have_the_same_operations():
    assert {theirs(name) for name in OPERATIONS} == set(TrivialAugmentWide._AUGMENTATION_SPACE)
    assert {theirs(name) for name in OPERATIONS} == set(RandAugment._AUGMENTATION_SPACE)


@pytest.mark.parametrize("member", [trivial_augment.TrivialAugment(), rand_augment.RandAugment(n_operations=1)])
def test_every_operation_is_drawn_alike_often(member, monkeypatch):
    seen = []
    module = trivial_augment if member.name == "trivial_augment" else rand_augment
    monkeypatch.setattr(module, "apply_operation", lambda image, name, magnitude: seen.append(name) or image)
    pixels = torch.zeros(1400, 2, 2, 3, dtype=torch.uint8)
    member((pixels,), Draws(0, 1, tuple(range(1400))), Prepared("pixels"))
    counts = np.array([seen.count(name) for name in OPERATIONS])
    chi_square = float(((counts - 100) ** 2 / 100).sum())  # 13 degrees of freedom: 99.99 % below 42
    assert counts.sum() == 1400
    assert chi_square < 42
