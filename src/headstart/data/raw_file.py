"""The bytes of one file, or why there are none."""

from __future__ import annotations

import os
import stat
from typing import Any

import numpy as np

from headstart.errors import InputError

MAX_BYTES = 1 << 30
"""A file larger than this is not read into memory."""


class UnreadableError(InputError):
    """An example is missing, empty, damaged, of another kind, or too large.

    Args:
        source: the path, or a description of the bytes or array.
        reason: what is wrong, a predicate in words such as "is empty (0 bytes)".
        who: what was opened it for.
        what: what it should have been.
    """

    def __init__(self, source: str, reason: str, who: str = "read_bytes", what: str = "a whole file") -> None:
        super().__init__(f"{who} needs {what}, got {source!r}, which {reason}. Replace it or leave it out.")
        self.source, self.reason = source, reason


def read_bytes(path: Any) -> bytes:
    """The content of the regular file ``path``.

    Raises:
        UnreadableError: there is none, it is no file, or it is too large.
    """
    name = source_name(path)
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableError(name, "is a folder" if stat.S_ISDIR(found.st_mode) else "is no regular file")
        if found.st_size > MAX_BYTES:
            raise UnreadableError(name, f"has {found.st_size:,} bytes, more than the {MAX_BYTES:,} allowed")
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except UnreadableError:
        raise
    except FileNotFoundError:
        raise UnreadableError(name, "does not exist") from None
    except (OSError, TypeError, ValueError) as error:
        raise UnreadableError(name, f"cannot be read ({one_line(error)})") from error


def source_name(source: Any) -> str:
    """What to call an example in a message."""
    if isinstance(source, bytes | bytearray | memoryview):
        return f"{len(source)} bytes"
    if isinstance(source, np.ndarray):
        return f"array of shape {source.shape} and type {source.dtype}"
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else type(source).__name__


def one_line(error: BaseException) -> str:
    """The message of an error, short and without line breaks."""
    return " ".join(str(error).split())[:200] or type(error).__name__
