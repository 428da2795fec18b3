"""One random operation of random strength on each picture; nothing to tune."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared
from headstart.training.augmentation._picture_operations import (
    N_BINS,
    OPERATIONS,
    apply_operation,
    changed_pictures,
    magnitude_of,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

MOST = {
    "shear_x": 0.99, "shear_y": 0.99, "rotate": 135.0, "brightness": 0.99, "color": 0.99, "contrast": 0.99,
    "sharpness": 0.99, "posterize": 6.0,
}  # fmt: skip
"""Strongest of each operation: the wide space of the paper."""
SHIFT = 32 / 224
"""Furthest translation, as a share of the side: the paper's 32 pixels of 224."""


@final
class TrivialAugment(Augmentation):
    """One of 14 operations of torchvision, and one of 31 strengths, all alike likely.

    Source: Mueller and Hutter, TrivialAugment, ICCV 2021.
    """

    name: ClassVar[str] = "trivial_augment"
    kinds: ClassVar[frozenset[str]] = frozenset({"pixels", "frames"})

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """(b, ..., h, w, 3) uint8; all frames of a clip are treated alike."""
        return (changed_pictures(inputs[0], draws, _change),)


def _change(picture: Tensor, draw: np.random.Generator) -> Tensor:
    name = OPERATIONS[draw.integers(len(OPERATIONS))]
    side = picture.shape[-1] if name == "translate_x" else picture.shape[-2]
    return apply_operation(
        picture, name, magnitude_of(name, int(draw.integers(N_BINS)), MOST.get(name, SHIFT * side), draw)
    )
