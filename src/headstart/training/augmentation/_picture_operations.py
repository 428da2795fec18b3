"""What can be done to a picture so that it still shows the same thing, by name and magnitude."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import atan, degrees
from typing import TYPE_CHECKING

import numpy as np

from headstart.cores import n_cores
from headstart.training.augmentation._augmentation import Draws

if TYPE_CHECKING:
    from torch import Tensor

N_BINS = 31
"""Magnitudes of an operation, evenly spread from none to all."""

SIGNED = (
    "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast", "sharpness",
)  # fmt: skip
"""Operations whose magnitude has a random sign."""
PLAIN = ("identity", "auto_contrast", "equalize")
"""Operations without a magnitude."""
OPERATIONS = (*SIGNED, *PLAIN, "posterize", "solarize")

Change = Callable[["Tensor", np.random.Generator], "Tensor"]


def changed_pictures(pixels: Tensor, draws: Draws, change: Change) -> Tensor:
    """``change`` for each example, (..., 3, h, w) uint8, of (b, ..., h, w, 3)."""
    import torch

    def one(place: int, draw: np.random.Generator) -> Tensor:
        return change(pixels[place].movedim(-1, -3).contiguous(), draw).movedim(-3, -1)

    with ThreadPoolExecutor(n_cores(), thread_name_prefix="headstart-augment") as pool:
        return torch.stack(list(pool.map(one, range(len(pixels)), draws))).contiguous()


def apply_operation(picture: Tensor, name: str, magnitude: float) -> Tensor:
    """An operation on (..., 3, h, w) uint8; what comes in from outside is black.

    Args:
        picture: is not changed.
        name: one of :data:`OPERATIONS`.
        magnitude: slope of a shear; pixels of a translation; degrees of a rotation; what is added to the factor 1 of
            brightness, color, contrast and sharpness; bits that are kept; brightness, 0..1, above which solarize
            inverts.
    """
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional as F

    def moved(*, translate: tuple[int, int] = (0, 0), shear: tuple[float, float] = (0.0, 0.0)) -> Tensor:
        done: Tensor = F.affine(
            picture,
            angle=0.0,
            translate=list(translate),
            scale=1.0,
            shear=[degrees(atan(slope)) for slope in shear],
            interpolation=InterpolationMode.BILINEAR,
            center=[0, 0] if any(shear) else None,
        )
        return done

    does: dict[str, Callable[[], Tensor]] = {
        "identity": lambda: picture,
        "shear_x": lambda: moved(shear=(magnitude, 0.0)),
        "shear_y": lambda: moved(shear=(0.0, magnitude)),
        "translate_x": lambda: moved(translate=(int(magnitude), 0)),
        "translate_y": lambda: moved(translate=(0, int(magnitude))),
        "rotate": lambda: F.rotate(picture, magnitude, interpolation=InterpolationMode.BILINEAR),
        "brightness": lambda: F.adjust_brightness(picture, 1.0 + magnitude),
        "color": lambda: F.adjust_saturation(picture, 1.0 + magnitude),
        "contrast": lambda: F.adjust_contrast(picture, 1.0 + magnitude),
        "sharpness": lambda: F.adjust_sharpness(picture, 1.0 + magnitude),
        "posterize": lambda: F.posterize(picture, int(magnitude)),
        "solarize": lambda: F.solarize(picture, 255 * magnitude),
        "auto_contrast": lambda: F.autocontrast(picture),
        "equalize": lambda: F.equalize(picture),
    }
    return does[name]()


def magnitude_of(name: str, place: int, most: float, draw: np.random.Generator) -> float:
    """The magnitude at ``place`` of :data:`N_BINS`, with a random sign where the operation has one.

    Args:
        name: of the operation.
        place: 0 (nothing) to ``N_BINS - 1`` (all).
        most: the magnitude of all; of posterize the bits that are lost.
        draw: tosses the coin.
    """
    share = place / (N_BINS - 1)
    if name == "posterize":
        return 8 - round(most * share)
    if name == "solarize":
        return 1.0 - share
    if name in SIGNED and draw.random() < 0.5:
        return -most * share
    return most * share
