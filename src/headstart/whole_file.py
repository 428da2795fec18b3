"""Writing a file whole or not at all, and a full disk in one line."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headstart.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EROFS, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk, a forbidden folder or a file in its place into one line with a remedy.

    Raises:
        StorageError: the disk is full, or ``path`` cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = f"Writing {path} needs free space, got a full disk. Free some and run the same command again."
            raise StorageError(message) from error
        if error.errno in _FORBIDDEN:
            message = f"Writing {path} needs a folder it can write to, got {error.strerror!r}. Choose another one."
            raise StorageError(message) from error
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8); a reader sees the old file or the new one, never a part.

    Raises:
        StorageError: the disk is full, or the folder may not be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(fresh, 0o644)
            os.replace(fresh, path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
