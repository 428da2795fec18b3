"""The features of one key: rows that are looked up by the digest of their content."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headstart.errors import InputError
from headstart.features.cache_folder import exclusive, make_space, storage_errors
from headstart.features.cache_key import JSON
from headstart.features.cache_upkeep import tidy
from headstart.features.shard import DIGEST_BYTES, ROW_DTYPE, ShardReader, ShardWriter, find_shards

MAPPED_FROM_BYTES = 64 * 2**20
"""Results from this size on lie in a file that is gone from the folder at once, not in anonymous memory."""

_BLOCK_BYTES = 4 * 2**20
_TOUCH_SECONDS = 60.0
_TIDY_BYTES = 256 * 2**20
_SHARD_SHIFT = 40  # a location is the shard's number and, in the low 40 bits, the row


class FeatureSpace:
    """Rows of ``dim`` features under 32-byte digests; made by :meth:`FeatureCache.space`.

    Threads may share one; processes open their own, and one that is forked or unpickled starts a shard of its own.
    Every row is checked against its CRC-32 each time it is read: a damaged row counts as missing, and can be put again.

    Args:
        root: the cache's folder.
        folder: this space's folder.
        key: what decides the features.
        dim: number of features in a row.
        max_bytes: size the whole cache is held to.
    """

    def __init__(self, root: Path, folder: Path, *, key: Mapping[str, JSON], dim: int, max_bytes: int) -> None:
        self.key = dict(key)
        self.dim = dim
        self.folder = folder
        self._root = root
        self._max_bytes = max_bytes
        self._writer: ShardWriter | None = None
        self._forget()
        _open_spaces.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._root, self.folder, self.key, self.dim, self._max_bytes)

    def __enter__(self) -> FeatureSpace:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def get(
        self, digests: Sequence[bytes], *, out: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Look rows up.

        Args:
            digests: n digests; an empty one (of an unreadable file) is never present.
            out: (n, dim) float32, C-contiguous, to be filled; a new array where None.

        Returns:
            ``(rows, present)``: (n, dim) float32, NaN where not present, and (n,) True where present. New rows of
            64 MiB and more lie in an unlinked file.

        Raises:
            InputError: where ``out`` does not fit.
            StorageError: where the cache cannot be read.
        """
        with storage_errors(self._root):
            rows = self._allocate(len(digests)) if out is None else self._check_out(out, len(digests))
            with self._lock:
                where = self._locate(digests)
            present = np.zeros(len(digests), dtype=np.bool_)
            wanted = np.flatnonzero(where >= 0)
            while len(wanted):
                self._gather(where, wanted, rows, present)
                # What is damaged, pruned or merged since is sought elsewhere, each place once.
                damaged = wanted[~present[wanted]]
                where[damaged] = self._locate_again([digests[i] for i in damaged], where[damaged])
                wanted = damaged[where[damaged] >= 0]
            rows[~present] = np.nan
            return rows, present

    def missing(self, digests: Sequence[bytes]) -> NDArray[np.int64]:
        """Tell which digests have no row, without reading the rows.

        Args:
            digests: n digests.

        Returns:
            Ascending positions in ``digests``. A damaged row is not noticed here but by :meth:`get`.

        Raises:
            StorageError: where the cache cannot be read.
        """
        with storage_errors(self._root), self._lock:
            return np.flatnonzero(self._locate(digests) < 0)

    def put(self, digests: Sequence[bytes], rows: ArrayLike) -> int:
        """Store rows; those already present are passed over.

        Args:
            digests: n digests of 32 bytes.
            rows: (n, dim) finite numbers, stored as float32.

        Returns:
            How many rows were new.

        Raises:
            InputError: where digests or rows are not as above; nothing is stored then.
            StorageError: where the disk is full or cannot be written; the cache stays sound.
        """
        rows = np.asarray(rows)
        self._check_put(digests, rows)
        with storage_errors(self._root), self._lock:
            # One row a digest, and none that this or another process has stored.
            fresh = list({digests[i]: i for i in np.flatnonzero(self._locate(digests) < 0).tolist()}.values())
            for block in self._blocks(len(fresh)):
                chosen = fresh[block]
                self._append([digests[i] for i in chosen], np.ascontiguousarray(rows[chosen], dtype=ROW_DTYPE))
            self._untidied_bytes += len(fresh) * self._row_bytes
            if self._untidied_bytes > min(_TIDY_BYTES, self._max_bytes // 4):
                self._tidy()
            return len(fresh)

    def close(self) -> None:
        """Finish this process's shard, and hold the cache to its size. The space can still be used."""
        with storage_errors(self._root), self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
                self._tidy()

    @property
    def _row_bytes(self) -> int:
        return self.dim * ROW_DTYPE.itemsize

    def _forget(self) -> None:
        self._lock = threading.RLock()
        self._readers: list[ShardReader] = []
        self._known_shards: dict[str, int] = {}
        self._where: dict[bytes, int] = {}
        self._elsewhere: dict[bytes, list[int]] = {}  # further copies, from processes that worked on the same files
        self._untidied_bytes = 0

    def _start_anew_after_fork(self) -> None:
        # Another thread of the parent may have held the lock or been half-way through the index.
        self._forget()
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def _blocks(self, n: int) -> list[slice]:
        size = max(1, _BLOCK_BYTES // self._row_bytes)
        return [slice(begin, min(n, begin + size)) for begin in range(0, n, size)]

    # Looking up

    def _locate(self, digests: Sequence[bytes]) -> NDArray[np.int64]:
        where = self._look(digests)
        if (where < 0).any():
            self._refresh()
            where = self._look(digests)
        return where

    def _look(self, digests: Sequence[bytes]) -> NDArray[np.int64]:
        known = self._where
        return np.fromiter((known.get(digest, -1) for digest in digests), np.int64, len(digests))

    def _locate_again(self, digests: Sequence[bytes], failed: NDArray[np.int64]) -> NDArray[np.int64]:
        with self._lock:
            for digest, location in zip(digests, failed.tolist(), strict=True):
                if self._where.get(digest) == location:
                    copies = self._elsewhere.get(digest)
                    if copies:
                        self._where[digest] = copies.pop()
                    else:
                        del self._where[digest]
            return self._locate(digests)

    def _refresh(self) -> None:
        for shard in find_shards(self.folder):
            number = self._known_shards.get(shard.name)
            if number is None:
                number = self._known_shards[shard.name] = len(self._readers)
                self._readers.append(ShardReader(shard, self.dim))
            self._take_in(number)

    def _take_in(self, number: int) -> None:
        where, base = self._where, number << _SHARD_SHIFT
        for digest, row in self._readers[number].grow():
            if where.setdefault(digest, base | row) != base | row:
                self._elsewhere.setdefault(digest, []).append(base | row)

    # Reading

    def _gather(
        self, where: NDArray[np.int64], wanted: NDArray[np.int64], out: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> None:
        for block in self._blocks(len(wanted)):
            positions = wanted[block]
            numbers = where[positions] >> _SHARD_SHIFT
            for number in set(numbers.tolist()):  # np.unique loads numpy.ma, 40 ms
                here = positions[numbers == number]
                reader = self._readers[number]
                present[here] = reader.copy(where[here] & ((1 << _SHARD_SHIFT) - 1), out, here)
                self._touch(reader)

    def _touch(self, reader: ShardReader) -> None:
        # What was used last goes last when the cache is pruned.
        now = time.monotonic()
        if now - reader.touched_at > _TOUCH_SECONDS:
            reader.touched_at = now
            try:
                os.utime(reader.shard.rows)
            except OSError:
                pass  # a cache that may only be read, or a shard pruned meanwhile: the rows are good all the same

    def _allocate(self, n: int) -> NDArray[np.float32]:
        n_bytes = n * self._row_bytes
        if n_bytes >= MAPPED_FROM_BYTES:
            for folder in (self._root, Path(tempfile.gettempdir())):
                try:
                    # The file has no name any more and goes away with the array.
                    with tempfile.TemporaryFile(dir=folder, prefix="rows-", suffix=".tmp") as file:
                        _reserve(file.fileno(), n_bytes)
                        pages = mmap.mmap(file.fileno(), n_bytes)
                    return np.frombuffer(pages, ROW_DTYPE).reshape(n, self.dim)
                except OSError:
                    continue  # no room or no right to write there: the next place, at last memory
        return np.empty((n, self.dim), ROW_DTYPE)

    def _check_out(self, out: NDArray[np.float32], n: int) -> NDArray[np.float32]:
        fits = out.shape == (n, self.dim) and out.dtype == ROW_DTYPE and out.flags.c_contiguous and out.flags.writeable
        if not fits:
            raise InputError(
                f"FeatureSpace.get needs out as a writeable C-contiguous float32 array of shape {(n, self.dim)}, "
                f"got {out.dtype} {out.shape}. Leave it out to get a new one."
            )
        return out

    # Writing

    def _check_put(self, digests: Sequence[bytes], rows: NDArray[Any]) -> None:
        if rows.shape != (len(digests), self.dim) or rows.dtype.kind not in "fiub":
            raise InputError(
                f"FeatureSpace.put needs numbers of shape {(len(digests), self.dim)}, one row a digest, "
                f"got {rows.dtype} {rows.shape}. Pass digests and rows of the same examples."
            )
        for digest in digests:
            if not isinstance(digest, bytes) or len(digest) != DIGEST_BYTES:
                raise InputError(
                    f"FeatureSpace.put needs digests of 32 bytes, got {digest!r}. Use sha256(...).digest()."
                )
        for block in self._blocks(len(rows)):
            with np.errstate(over="ignore"):
                finite = np.isfinite(rows[block].astype(ROW_DTYPE, copy=False)).all(axis=1)
            if not finite.all():
                row = block.start + int(np.argmin(finite))
                raise InputError(
                    f"FeatureSpace.put needs finite float32 rows, got NaN or infinity in row {row}. "
                    "Use a wider precision, or leave that example out."
                )

    def _append(self, digests: list[bytes], rows: NDArray[np.float32]) -> None:
        if self._writer is None:
            self._writer = self._begin_shard()
        number = self._known_shards[self._writer.shard.name]
        try:
            self._writer.append(digests, rows)
        finally:
            self._take_in(number)

    def _begin_shard(self) -> ShardWriter:
        with exclusive(self._root):
            make_space(self._root, self.key, self.dim, self.folder)
            writer = ShardWriter(self.folder, self.dim)
        self._known_shards[writer.shard.name] = len(self._readers)
        self._readers.append(ShardReader(writer.shard, self.dim))
        return writer

    def _tidy(self) -> None:
        self._untidied_bytes = 0
        tidy(self._root, self.folder, max_bytes=self._max_bytes)


_open_spaces: weakref.WeakSet[FeatureSpace] = weakref.WeakSet()


def _after_fork() -> None:
    for space in list(_open_spaces):
        space._start_anew_after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _reopen(root: Path, folder: Path, key: Mapping[str, JSON], dim: int, max_bytes: int) -> FeatureSpace:
    return FeatureSpace(root, folder, key=key, dim=dim, max_bytes=max_bytes)


def _reserve(descriptor: int, n_bytes: int) -> None:
    # A page of a sparse file that finds the disk full kills the process; reserved ones cannot.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, n_bytes)
        return
    zeros = bytes(2**20)
    for offset in range(0, n_bytes, len(zeros)):
        os.pwrite(descriptor, zeros[: n_bytes - offset], offset)
