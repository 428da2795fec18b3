"""How a picture looks in 64 bits: the signs of its low frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

GREY_SIDE = 32
COLOUR_SIDE = 4
THUMBNAIL_BYTES = GREY_SIDE * GREY_SIDE + COLOUR_SIDE * COLOUR_SIDE * 3
_BLOCK_ROWS = 4096


def thumbnail(image: Image) -> NDArray[np.uint8]:
    """The picture in (1072,) bytes: 32 x 32 of grey, then 4 x 4 of colour; ``image`` in mode "L" or "RGB"."""
    from PIL.Image import Resampling

    small = image.resize((GREY_SIDE, GREY_SIDE), Resampling.BILINEAR, reducing_gap=3.0)
    tiny = small.reduce(GREY_SIDE // COLOUR_SIDE).convert("RGB")
    return np.concatenate([np.asarray(small.convert("L")).ravel(), np.asarray(tiny).ravel()])


def perceptual_hash(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """One hash a row: pictures that look alike differ in few bits, whatever their size, brightness and contrast.

    Args:
        thumbnails: (n, 1072) rows of :func:`thumbnail`.

    Returns:
        (n,) 64 bits: which of the 64 lowest vertical-detail cosine terms exceed their median.

    Source: Zauner, C. (2010). Implementation and benchmarking of perceptual image hash functions.
    """
    place = np.arange(GREY_SIDE) + 0.5
    waves = np.cos(np.pi / GREY_SIDE * place * np.arange(9)[:, None]).astype(np.float32)  # (9, side)
    hashes = np.empty(len(thumbnails), dtype=np.uint64)
    for start in range(0, len(thumbnails), _BLOCK_ROWS):
        block = thumbnails[start : start + _BLOCK_ROWS, : GREY_SIDE * GREY_SIDE].astype(np.float32)
        terms = waves[1:] @ block.reshape(-1, GREY_SIDE, GREY_SIDE) @ waves[:8].T  # (rows, 8, 8)
        terms = terms.reshape(len(block), 64)
        bits = terms > np.median(terms, axis=1, keepdims=True)
        hashes[start : start + len(block)] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return hashes
