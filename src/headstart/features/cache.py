"""The content-addressed feature cache: what was computed once, for one key and one content, is never computed again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.errors import InputError
from headstart.features import cache_upkeep
from headstart.features.cache_folder import check_format, default_root, storage_errors
from headstart.features.cache_key import JSON, address
from headstart.features.cache_size import default_max_bytes, parse_size
from headstart.features.cache_space import FeatureSpace
from headstart.features.cache_upkeep import SpaceInfo, VerifyReport
from headstart.types import Progress, silent


class FeatureCache:
    """A folder of features, shared by all runs, processes and threads of a user; safe to delete at any time.

    Everything that decides the numbers (weights, preprocessing, layer, runtime, precision) is the key of a *space*;
    within it a row is found by the digest of its content. Writers only ever append, each to a shard of its own, and may
    be killed at any moment. Nothing is written before the first row is put.

    Args:
        root: the folder; default: the environment variable HEADSTART_CACHE, else the platform's user cache.
        max_bytes: size the cache is held to, bytes or text like "20GB"; default: HEADSTART_CACHE_MAX, else 20 GB. What
            was used longest ago goes first; what this process wrote stays.

    Raises:
        InputError: where ``max_bytes`` is not a size.
        IntegrityError: where the folder holds a cache of another format.
        StorageError: where the folder cannot be read.
    """

    def __init__(self, root: str | Path | None = None, *, max_bytes: int | str | None = None) -> None:
        self.root = (default_root() if root is None else Path(root)).expanduser().absolute()
        self.max_bytes = default_max_bytes() if max_bytes is None else parse_size(max_bytes, who="max_bytes")
        check_format(self.root)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.root, self.max_bytes)

    def space(self, key: Mapping[str, JSON], dim: int) -> FeatureSpace:
        """Open the features that ``key`` decides; close it after writing, or use it in a ``with`` statement.

        Args:
            key: everything that decides the features, as plain JSON; the order of fields is of no account.
            dim: number of features in a row.

        Returns:
            The space, empty where nothing was put yet.

        Raises:
            InputError: where the key is not plain JSON, or ``dim`` is below 1.
        """
        if dim < 1:
            raise InputError(f"FeatureCache.space needs dim of at least 1, got {dim!r}. Pass the width of a row.")
        folder = self.root / address(key, int(dim))
        return FeatureSpace(self.root, folder, key=key, dim=int(dim), max_bytes=self.max_bytes)

    def ls(self) -> list[SpaceInfo]:
        """List the spaces, the one used last first.

        Returns:
            What each holds.

        Raises:
            StorageError: where the folder cannot be read.
        """
        with storage_errors(self.root):
            return cache_upkeep.list_spaces(self.root)

    def prune(self, max_bytes: int | str | None = None, *, everything: bool = False) -> int:
        """Delete what was used longest ago until the cache is small enough, and merge small shards.

        Args:
            max_bytes: size to come down to, bytes or text like "5GB"; default: that of this cache.
            everything: delete all rows. What a process is writing at this moment stays in any case.

        Returns:
            Bytes freed.

        Raises:
            InputError: where ``max_bytes`` is not a size.
            StorageError: where the folder cannot be written.
        """
        limit = self.max_bytes if max_bytes is None else parse_size(max_bytes, who="max_bytes")
        with storage_errors(self.root):
            return cache_upkeep.prune(self.root, max_bytes=limit, everything=everything)

    def verify(self, *, repair: bool = False, progress: Progress = silent) -> VerifyReport:
        """Read every row and compare it with its checksum.

        Args:
            repair: write damaged shards anew without the bad rows.
            progress: told the number of shards done.

        Returns:
            What was found.

        Raises:
            StorageError: where the folder cannot be read, or not be written for the repair.
        """
        with storage_errors(self.root):
            return cache_upkeep.verify(self.root, repair=repair, progress=progress)


def _reopen(root: Path, max_bytes: int) -> FeatureCache:
    return FeatureCache(root, max_bytes=max_bytes)
