"""A file of weights: where it is, what it must be, and whether it is that."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from headstart.errors import IntegrityError


@dataclass(frozen=True)
class WeightFile:
    """A file on this machine with the digest and size it must have, where they are known."""

    path: Path
    sha256: str | None = None
    size_bytes: int | None = None

    def check(self, who: str) -> None:
        """Compare size and sha256.

        Raises:
            IntegrityError: the file is another one.
        """
        size = self.path.stat().st_size
        if self.size_bytes is not None and size != self.size_bytes:
            raise IntegrityError(
                f"{who} needs a weights file of {self.size_bytes} bytes, got {size} bytes in {str(self.path)!r}. "
                "Install or pull it again."
            )
        found = sha256_of(self.path)
        if self.sha256 is not None and found != self.sha256:
            raise IntegrityError(
                f"{who} needs weights with sha256 {self.sha256[:12]}..., got {found[:12]}... in {str(self.path)!r}. "
                "Install or pull it again."
            )


def sha256_of(path: Path | str) -> str:
    """The hex digest of a file's content; hashed once a process while size, time and inode stay."""
    path = os.fspath(path)
    seen = os.stat(path)
    return _digest(path, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


@lru_cache(maxsize=64)
def _digest(path: str, *_identity: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_folder() -> Path:
    """The folder for pulled weights: ``$HEADSTART_CACHE/weights``, else ``weights`` in the user data folder."""
    if root := os.environ.get("HEADSTART_CACHE"):
        return Path(root).expanduser() / "weights"
    from platformdirs import user_data_dir

    return Path(user_data_dir("headstart", appauthor=False)) / "weights"
