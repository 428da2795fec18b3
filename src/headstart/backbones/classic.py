"""Colour histograms: the cheap classic that a pretrained encoder must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.types import BackboneCard

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 128
"""Pictures are averaged down to this side, pixels; a histogram needs no more."""

_COLOUR_LEVELS = 4
_HSV_BINS = (16, 8, 8)
_GREY_BINS = 32
_REGIONS = 5
_DIM = _COLOUR_LEVELS**3 + _REGIONS * (sum(_HSV_BINS) + _GREY_BINS)

_CARD = BackboneCard(
    name="colour_histogram",
    modality="image",
    dim=_DIM,
    provider="classic",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights_id="colour_histogram:1",
)


def cards() -> list[BackboneCard]:
    """The colour histogram."""
    return [_CARD]


def encode(card: BackboneCard, images: Sequence[Image]) -> NDArray[np.float32]:
    """Joint RGB histogram of the whole; hue, saturation, value and grey histograms of the whole and its quarters.

    Each histogram sums to 1 before the square root, so Euclidean distances between rows are Hellinger distances.

    Args:
        card: the card of ``colour_histogram``.
        images: n pictures in mode "L" or "RGB".

    Returns:
        (n, 384) float32 in 0..1.

    Source: Swain and Ballard 1991; square roots: Arandjelovic and Zisserman 2012.
    """
    rows = [_histograms(image) for image in images]
    return np.stack(rows) if rows else np.empty((0, card.dim), np.float32)  # (n, dim)


def _histograms(image: Image) -> NDArray[np.float32]:
    from PIL.Image import Resampling

    small = image.convert("RGB").resize((_SIDE, _SIDE), Resampling.BOX)
    rgb = np.asarray(small)  # (side, side, 3)
    hsv = np.asarray(small.convert("HSV"))  # (side, side, 3)
    grey = np.asarray(small.convert("L"))  # (side, side)
    level = rgb.astype(np.intp) * _COLOUR_LEVELS // 256
    joint = (level[..., 0] * _COLOUR_LEVELS + level[..., 1]) * _COLOUR_LEVELS + level[..., 2]
    parts = [np.bincount(joint.ravel(), minlength=_COLOUR_LEVELS**3)]
    half = _SIDE // 2
    quarters = [(slice(top, top + half), slice(left, left + half)) for top in (0, half) for left in (0, half)]
    for region in [(slice(None), slice(None)), *quarters]:
        parts += [_marginal(hsv[region][..., i], bins) for i, bins in enumerate(_HSV_BINS)]
        parts.append(_marginal(grey[region], _GREY_BINS))
    return np.concatenate([np.sqrt(part / part.sum()) for part in parts]).astype(np.float32)  # (dim,)


def _marginal(values: NDArray[np.uint8], bins: int) -> NDArray[np.intp]:
    return np.bincount(values.ravel().astype(np.intp) * bins // 256, minlength=bins)
