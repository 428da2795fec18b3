"""What a picture is, whatever it is called: the sha256 of its content."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np

from headstart.data.raw_file import read_bytes


def content_digest(source: Any) -> bytes:
    """The 32 bytes of the sha256 of a file's bytes, of bytes, or of an array's shape, type and values.

    Args:
        source: a path, the bytes of a file, or an array.

    Raises:
        InputError: the file cannot be read.
    """
    if isinstance(source, np.ndarray):
        head = f"{source.shape}{source.dtype.str}".encode()
        return sha256(head + np.ascontiguousarray(source).tobytes()).digest()
    if isinstance(source, bytes | bytearray | memoryview):
        return sha256(source).digest()
    return sha256(read_bytes(source)).digest()
