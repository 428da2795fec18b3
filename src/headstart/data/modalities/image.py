"""Pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.content_digest import content_digest
from headstart.data.finding import Finding, counted
from headstart.data.image_file import IMAGE_SUFFIXES, UnreadableImageError, open_image, open_sized
from headstart.data.modalities.modality import Look
from headstart.data.near_duplicates import near_duplicates
from headstart.data.perceptual_hash import perceptual_hash, thumbnail
from headstart.data.raw_file import UnreadableError, read_bytes

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN, SUFFIXES = "image", "picture", IMAGE_SUFFIXES
MEASURES = ("width", "height")
SIZE = ("short side", "pixels")

TINY_SIDE = 32
"""A picture with a short side below this many pixels says little to a backbone."""
_DECODE_MIN_SIDE = 128
CLASSIC_SIDE = 256
"""Short side at which large photographs are decoded for classic features, pixels."""


def open_example(source: Any) -> Any:
    """The upright picture in mode "L" or "RGB"."""
    return open_image(source, min_side=CLASSIC_SIDE)


def look(source: Any) -> Look:
    """Decode one picture: a path, the bytes of a file, or an array."""
    try:
        content = source if isinstance(source, np.ndarray | bytes | bytearray | memoryview) else read_bytes(source)
    except UnreadableError as error:
        raise UnreadableImageError(error.source, error.reason) from error.__cause__
    image, size = open_sized(content, min_side=_DECODE_MIN_SIDE)
    return Look(content_digest(content), size, thumbnail(image))


digest = content_digest


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """Resized, re-encoded or brightened copies."""
    if not len(imprints):
        return np.empty((0, 2), dtype=np.int64)
    thumbnails = np.stack(imprints)
    return near_duplicates(thumbnails, perceptual_hash(thumbnails))


def sizes(audit: Audit) -> NDArray[np.float64]:
    """The short side in pixels."""
    return np.minimum(audit.measures["width"], audit.measures["height"])


def findings(audit: Audit) -> list[Finding]:
    """Very small pictures, and how large they are."""
    rows = np.flatnonzero(audit.readable)
    width, height, short = audit.measures["width"], audit.measures["height"], sizes(audit)
    tiny = rows[short[rows] < TINY_SIDE]
    small, large = rows[np.argmin(short[rows])], rows[np.argmax(short[rows])]
    found = []
    if len(tiny):
        who = counted(len(tiny), NOUN, "has", "have")
        text = f"{who} a side below {TINY_SIDE} pixels: {audit.named(tiny)}."
        found.append(Finding("tiny", "warning", text, tuple(tiny.tolist())))
    text = (
        f"Pictures measure from {width[small]:.0f} x {height[small]:.0f} to {width[large]:.0f} x "
        f"{height[large]:.0f} pixels (short side median {int(np.median(short[rows]))})."
    )
    found.append(Finding("sizes", "note", text))
    return found
