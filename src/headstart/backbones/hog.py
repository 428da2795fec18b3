"""Histograms of oriented gradients: the cheap classic for shape and texture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.types import BackboneCard

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 128
_CELL = 16
_ORIENTATIONS = 9
_CELLS = _SIDE // _CELL
_DIM = (_CELLS - 1) ** 2 * 4 * _ORIENTATIONS

_CARD = BackboneCard(
    name="hog",
    modality="image",
    dim=_DIM,
    provider="hog",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights_id="hog:1",
)


def cards() -> list[BackboneCard]:
    """The histogram of oriented gradients."""
    return [_CARD]


def encode(card: BackboneCard, images: Sequence[Image]) -> NDArray[np.float32]:
    """Unsigned gradient orientations in 8 x 8 cells, normalised over blocks of 2 x 2 cells.

    Args:
        card: the card of ``hog``.
        images: n pictures in mode "L" or "RGB".

    Returns:
        (n, 1764) float32 in 0..1.

    Source: Dalal and Triggs 2005, Histograms of Oriented Gradients for Human Detection.
    """
    rows = [_describe(image) for image in images]
    return np.stack(rows) if rows else np.empty((0, card.dim), np.float32)  # (n, dim)


def _describe(image: Image) -> NDArray[np.float32]:
    from PIL.Image import Resampling

    small = image.convert("L").resize((_SIDE, _SIDE), Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64) / 255.0  # (side, side)
    down, right = np.gradient(grey)
    strength = np.hypot(down, right)
    place = (np.arctan2(down, right) % np.pi) * (_ORIENTATIONS / np.pi) - 0.5
    lower = np.floor(place).astype(np.intp)
    share = place - lower  # of the upper one of the two nearest orientations
    row, column = np.indices(grey.shape) // _CELL
    cell = (row * _CELLS + column) * _ORIENTATIONS
    lower_one, upper_one = cell + lower % _ORIENTATIONS, cell + (lower + 1) % _ORIENTATIONS
    counts = _weighted(lower_one, strength * (1 - share)) + _weighted(upper_one, strength * share)
    cells = counts.reshape(_CELLS, _CELLS, _ORIENTATIONS)
    corners = [cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]]
    blocks = np.concatenate(corners, axis=-1)  # (cells - 1, cells - 1, 4 * orientations)
    clipped = np.minimum(_unit(blocks), 0.2)
    return _unit(clipped).astype(np.float32).ravel()  # (dim,)


def _weighted(places: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    counts: Any = np.bincount(places.ravel(), weights.ravel(), _CELLS**2 * _ORIENTATIONS)
    return np.asarray(counts, dtype=np.float64)


def _unit(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    # The small constant keeps noise in flat regions from being blown up to full strength.
    return blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-2)  # type: ignore[no-any-return]
