"""From an opened picture to the exact pixels a backbone was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.errors import UnknownNameError
from headstart.types import ImageInput

if TYPE_CHECKING:
    from PIL.Image import Image

POLICIES = ("none", "flip", "crop_flip")
"""Augmentation policies: nothing; mirror every odd view; random resized crop (half to all of the area) and mirror."""

OVERSAMPLING = 2
"""A photo decoded at reduced scale keeps at least this many pixels per pixel of the resized picture."""

KERNEL_RADIUS = 2
"""Pixels that the widest kernel, the bicubic, reaches to each side at full scale."""


@dataclass(frozen=True)
class View:
    """Which augmented view of a picture to take; ``View()`` is the plain one.

    Args:
        policy: one of :data:`POLICIES`.
        seed: seed of the random policy.
        number: view 0 of every policy is the plain picture.
    """

    policy: str = "none"
    seed: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise UnknownNameError("View", self.policy, POLICIES)

    @property
    def key(self) -> dict[str, object]:
        """What of the view decides the pixels: nothing of it for the plain picture."""
        if self.policy == "none" or self.number == 0:
            return {"policy": "none"}
        if self.policy == "flip":
            return {"policy": "flip", "number": self.number % 2}
        return {"policy": self.policy, "seed": self.seed, "number": self.number}


def decode_min_side(spec: ImageInput) -> int:
    """Short side in pixels that a reduced-scale decode has to keep for ``spec``."""
    return OVERSAMPLING * _short_side(spec)


def prepare(image: Image, spec: ImageInput, view: View = View(), digest: bytes = b"") -> NDArray[np.uint8]:
    """Resize and cut ``image`` (mode L or RGB) as ``spec`` asks.

    Resizing goes straight to the window, across and then down, which gives the pixels of resizing everything and
    cutting afterwards, save a rare last bit.

    Args:
        image: an upright picture in mode L or RGB.
        spec: the pixels the backbone wants.
        view: which augmented view.
        digest: content digest; with the view's seed it seeds the random policy.

    Returns:
        (height, width, 3) uint8.
    """
    box, mirrored = _window(image.size, spec), False
    if view.key["policy"] == "crop_flip":
        box, mirrored = _random_window(image.size, spec, view, digest)
    elif view.key["policy"] == "flip":
        mirrored = view.number % 2 == 1
    pixels = np.asarray(_resize(image, spec, box), dtype=np.uint8)
    if mirrored:
        pixels = pixels[:, ::-1]
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)  # (height, width, 3)
    return np.ascontiguousarray(pixels)


def _resize(image: Image, spec: ImageInput, box: tuple[float, float, float, float]) -> Image:
    """``box`` of ``image`` as (width, height) of ``spec``; each pass rounds to 8 bits, so that their order matters.

    In one call Pillow may go down first where the box is far flatter than the picture.
    """
    from PIL import Image as pil

    resample = pil.Resampling.BILINEAR if spec.interpolation == "bilinear" else pil.Resampling.BICUBIC
    left, top, right, bottom = box
    reach = math.ceil(KERNEL_RADIUS * max(1.0, (bottom - top) / spec.height)) + 1
    first, last = max(0, math.floor(top) - reach), min(image.height, math.ceil(bottom) + reach)
    across = image.resize((spec.width, last - first), resample, box=(left, first, right, last))
    return across.resize((spec.width, spec.height), resample, box=(0, top - first, spec.width, bottom - first))


def _short_side(spec: ImageInput) -> int:
    return int(min(spec.height, spec.width) / spec.crop_fraction + 1e-6)  # 224 / (224 / 232) is a hair under 232


def _window(size: tuple[int, int], spec: ImageInput) -> tuple[float, float, float, float]:
    """The part of the picture, in its own pixels, that ends up in the input: (left, top, right, bottom)."""
    width, height = size
    if spec.window == "squash":
        return (0.0, 0.0, float(width), float(height))
    short = _short_side(spec)
    if width <= height:
        new_width, new_height = short, int(short * height / width)
    else:
        new_width, new_height = int(short * width / height), short
    new_width, new_height = max(new_width, spec.width), max(new_height, spec.height)
    left, top = round((new_width - spec.width) / 2), round((new_height - spec.height) / 2)
    x_scale, y_scale = width / new_width, height / new_height
    return (left * x_scale, top * y_scale, (left + spec.width) * x_scale, (top + spec.height) * y_scale)


def _random_window(
    size: tuple[int, int], spec: ImageInput, view: View, digest: bytes
) -> tuple[tuple[float, float, float, float], bool]:
    """A random crop of 50 to 100 % of the area at an aspect between 3/4 and 4/3, and a coin for mirroring."""
    words = np.frombuffer(digest.ljust(32, b"\0")[:32], dtype=np.uint32)
    rng = np.random.default_rng([view.seed, view.number, *words.tolist()])
    width, height = size
    area, aspect = rng.uniform(0.5, 1.0) * width * height, np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    crop_width = min(float(width), float(np.sqrt(area * aspect)))
    crop_height = min(float(height), float(np.sqrt(area / aspect)))
    left, top = rng.uniform(0, width - crop_width), rng.uniform(0, height - crop_height)
    return (left, top, left + crop_width, top + crop_height), bool(rng.random() < 0.5)
