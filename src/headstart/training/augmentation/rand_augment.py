"""A few random operations of one strength on each picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from headstart.errors import InputError
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
    "shear_x": 0.3, "shear_y": 0.3, "rotate": 30.0, "brightness": 0.9, "color": 0.9, "contrast": 0.9, "sharpness": 0.9,
    "posterize": 4.0,
}  # fmt: skip
"""Strongest of each operation."""
SHIFT = 150 / 331
"""Furthest translation, as a share of the side."""


@final
class RandAugment(Augmentation):
    """``n_operations`` of 14 operations of torchvision, one after the other.

    Args:
        n_operations: on each picture, at least 1.
        strength: 0 (nothing) to 30 (all).

    Source: Cubuk et al., RandAugment, NeurIPS 2020.
    """

    name: ClassVar[str] = "rand_augment"
    kinds: ClassVar[frozenset[str]] = frozenset({"pixels", "frames"})

    def __init__(self, *, n_operations: int = 2, strength: int = 9) -> None:
        if n_operations < 1 or not 0 <= strength < N_BINS:
            raise InputError(
                f"rand_augment needs n_operations of 1 or more and strength in 0..{N_BINS - 1}, got {n_operations} and "
                f"{strength}. Correct them."
            )
        self.n_operations, self.strength = n_operations, strength

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """(b, ..., h, w, 3) uint8; all frames of a clip are treated alike."""
        return (changed_pictures(inputs[0], draws, self._change),)

    def _change(self, picture: Tensor, draw: np.random.Generator) -> Tensor:
        for _ in range(self.n_operations):
            name = OPERATIONS[draw.integers(len(OPERATIONS))]
            side = picture.shape[-1] if name == "translate_x" else picture.shape[-2]
            most = MOST.get(name, SHIFT * side)
            picture = apply_operation(picture, name, magnitude_of(name, self.strength, most, draw))
        return picture
