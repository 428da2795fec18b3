"""The cache's root folder: its format, its lock, and what a failed write is called."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headstart.errors import IntegrityError, StorageError
from headstart.features.cache_key import JSON, address

FORMAT_VERSION = "1"
SPACE_FILE = "space.json"


def default_root() -> Path:
    """Name the folder of the cache: HEADSTART_CACHE, else the platform's user cache.

    Returns:
        An absolute path, which need not exist.
    """
    text = os.environ.get("HEADSTART_CACHE", "").strip()
    if not text:
        from platformdirs import user_cache_dir

        text = user_cache_dir("headstart")
    return Path(text)


@contextmanager
def storage_errors(root: Path) -> Iterator[None]:
    """Turn the system's errors of reading and writing into one line with the remedy.

    Args:
        root: the cache's folder, named in the message.

    Raises:
        StorageError: in place of any OSError; ``errno`` is kept.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            needs, remedy = "room to write", "Free some space, run `headstart cache prune`"
        else:
            needs, remedy = "a folder it can read and write", "Put that right"
        story = StorageError(
            f"The feature cache needs {needs} in {str(root)!r}, got {reason!r}. "
            f"{remedy}, or let HEADSTART_CACHE name another folder."
        )
        story.errno = error.errno
        raise story from error


def check_format(root: Path) -> None:
    """Refuse a cache that another version of headstart wrote.

    Args:
        root: the cache's folder; one that does not exist yet is fine.

    Raises:
        IntegrityError: where the format is another one.
        StorageError: where the folder cannot be read.
    """
    with storage_errors(root):
        try:
            found = (root / "format_version").read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return
    if found != FORMAT_VERSION:
        raise IntegrityError(
            f"The feature cache needs format_version {FORMAT_VERSION!r}, got {found[:40]!r} in {str(root)!r}. "
            "Delete that folder (features are computed again), or let HEADSTART_CACHE name another one."
        )


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Make the root folder and hold its lock: shards and spaces come and go only under it.

    Args:
        root: the cache's folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        # Said aloud, since a process forked meanwhile holds the same lock through its copy of the descriptor.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def make_space(root: Path, key: JSON, dim: int, folder: Path) -> None:
    """Make a space's folder with the file that tells people its key. Call under :func:`exclusive`.

    Args:
        root: the cache's folder.
        key: the space's key.
        dim: number of features in a row.
        folder: the space's folder.
    """
    if not (root / "format_version").exists():
        _write_atomically(root / "format_version", FORMAT_VERSION + "\n")
    folder.mkdir(exist_ok=True)
    if read_space(folder) is None:
        text = json.dumps({"dim": dim, "key": key}, sort_keys=True, indent=2)
        _write_atomically(folder / SPACE_FILE, text + "\n")


def read_space(folder: Path) -> tuple[dict[str, Any], int] | None:
    """Read a space's key and dim.

    Args:
        folder: the space's folder.

    Returns:
        ``(key, dim)``, or None where the file is missing or does not belong to the folder.
    """
    try:
        told = json.loads((folder / SPACE_FILE).read_text(encoding="utf-8"))
        key, dim = told["key"], told["dim"]
        return (key, dim) if address(key, dim) == folder.name else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _write_atomically(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".tmp")
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
