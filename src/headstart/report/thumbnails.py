"""A picture made small enough to live inside the page."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

MAX_SIDE = 128
"""Longest side of a thumbnail, pixels."""


def data_uri(image: Any, *, max_side: int = MAX_SIDE) -> str | None:
    """``image`` as a JPEG of at most ``max_side`` pixels in a ``data:`` address, or None where it cannot be shown.

    Args:
        image: a path, the bytes of a file, an array (h, w) or (h, w, 3) uint8, or None.
        max_side: longest side of the result, pixels.
    """
    if image is None:
        return None
    try:
        from headstart.data.image_file import open_image

        picture = open_image(image, min_side=max_side)
        picture.thumbnail((max_side, max_side))
        stream = BytesIO()
        picture.save(stream, format="JPEG", quality=82, optimize=True)
    except Exception:  # A picture that cannot be shown becomes an empty tile; it must never cost the whole report.
        return None
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
