"""Writing a text file: whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from headstart.errors import StorageError


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in UTF-8; a reader sees the old file or the new one, never a part.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise StorageError(
            f"write_whole needs a place it can write, got {str(path)!r} ({error.strerror}). "
            "Free some space or choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
