"""One shard: an append-only pair of files, raw feature rows and the records that vouch for them.

``shard-<uuid>.rows`` holds little-endian float32 rows; ``shard-<uuid>.index`` holds one record of 40 bytes a row: the
32-byte digest of the content, the CRC-32 of the row's bytes, and the CRC-32 of those 36 bytes. Record i vouches for row
i and is written after it, so whatever moment a writer dies at, every record that is whole and sound has its row. The
writer holds a lock on the rows file; a shard that nobody has locked is finished for good.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import uuid
import weakref
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

ROW_DTYPE = np.dtype("<f4")
RECORD = struct.Struct("<32sII")
DIGEST_BYTES = 32
_VOUCHED_BYTES = 36
_CHUNK_RECORDS = 16_384

written_here: set[str] = set()
"""Names of the shards this process has begun: automatic pruning leaves them alone."""


@dataclass(frozen=True)
class Shard:
    """Where a shard lies.

    Args:
        folder: the space's folder.
        name: "shard-" and 32 hex digits.
    """

    folder: Path
    name: str

    @property
    def rows(self) -> Path:
        """The file of raw rows."""
        return self.folder / f"{self.name}.rows"

    @property
    def index(self) -> Path:
        """The file of records."""
        return self.folder / f"{self.name}.index"

    @property
    def bytes(self) -> int:
        """Size of both files, in bytes."""
        return _size(self.rows) + _size(self.index)

    @property
    def count(self) -> int:
        """Number of whole records, sound or not."""
        return _size(self.index) // RECORD.size

    @property
    def last_used(self) -> float:
        """When rows were last written or read, in seconds since the epoch, a minute or so coarse."""
        try:
            return self.rows.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def delete(self) -> int:
        """Delete both files, the index first so that no record outlives its row.

        Returns:
            Bytes freed.
        """
        freed = self.bytes
        self.index.unlink(missing_ok=True)
        self.rows.unlink(missing_ok=True)
        return freed


def find_shards(folder: Path) -> list[Shard]:
    """List the shards of a space.

    Args:
        folder: the space's folder; one that does not exist holds none.

    Returns:
        The shards, by name, those with only one of their two files too.
    """
    try:
        with os.scandir(folder) as entries:
            names = {Path(e.name).stem for e in entries if e.name.startswith("shard-")}
    except FileNotFoundError:
        return []
    return [Shard(folder, name) for name in sorted(names)]


@contextmanager
def claim(shard: Shard) -> Iterator[bool]:
    """Lock a shard that no writer holds.

    Args:
        shard: the shard.

    Yields:
        True where the lock was got, and for as long; False where a writer lives.
    """
    try:
        descriptor = os.open(shard.rows, os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def read_records(shard: Shard, start: int = 0) -> Iterator[tuple[int, bytes, int, bool]]:
    """Read the whole records of a shard; a torn one at the end is passed over.

    Args:
        shard: the shard.
        start: number of the first record wanted.

    Yields:
        Row number, digest, CRC-32 of the row, and whether the record itself is sound.
    """
    with open(shard.index, "rb", buffering=0) as file:
        while data := memoryview(os.pread(file.fileno(), _CHUNK_RECORDS * RECORD.size, start * RECORD.size)):
            whole = len(data) // RECORD.size
            if whole == 0:
                return
            for i, (digest, row_crc, record_crc) in enumerate(RECORD.iter_unpack(data[: whole * RECORD.size])):
                begin = i * RECORD.size
                sound = crc32(data[begin : begin + _VOUCHED_BYTES]) == record_crc
                yield start + i, digest, row_crc, sound
            start += whole


class ShardReader:
    """Reads one shard through a memory map, and keeps up with its growth.

    Args:
        shard: the shard.
        dim: number of features in a row.
    """

    def __init__(self, shard: Shard, dim: int) -> None:
        self.shard = shard
        self.touched_at = float("-inf")
        self._row_bytes = dim * ROW_DTYPE.itemsize
        self._dim = dim
        self._crcs = array("I")
        self._mapped = np.empty((0, dim), ROW_DTYPE)

    def grow(self) -> list[tuple[bytes, int]]:
        """Take in the records written since the last call.

        Returns:
            Digest and row number of each new row that a sound record vouches for and that lies inside the rows file.
        """
        fresh: list[tuple[bytes, int]] = []
        start = len(self._crcs)
        try:
            if _size(self.shard.index) < (start + 1) * RECORD.size:
                return fresh
            records = list(read_records(self.shard, start))
            # Asked after the records were read: the rows they vouch for were there before them.
            n_rows = self.shard.rows.stat().st_size // self._row_bytes
        except FileNotFoundError:
            return fresh
        for row, digest, row_crc, sound in records[: max(0, n_rows - start)]:
            self._crcs.append(row_crc)
            if sound:
                fresh.append((digest, row))
        # Unsound records at the very end may be half-way into the file: they are read again next time.
        del self._crcs[fresh[-1][1] + 1 if fresh else start :]
        return fresh

    def copy(self, rows: NDArray[np.int64], out: NDArray[np.float32], positions: NDArray[np.int64]) -> list[bool]:
        """Copy rows into ``out`` and check every one of them there.

        Args:
            rows: (k,) row numbers that :meth:`grow` has told.
            out: (n, dim) float32, C-contiguous.
            positions: (k,) ascending places in ``out``.

        Returns:
            k times True where the row's bytes are those that were put.
        """
        source = self._rows(int(rows.max()) + 1)
        if source is None:
            return [False] * len(rows)
        first, last = int(positions[0]), int(positions[-1])
        if last - first + 1 == len(positions):
            np.take(source, rows, axis=0, out=out[first : last + 1], mode="clip")
        else:
            out[positions] = source[rows]
        flat, size, crcs = out.data.cast("B"), self._row_bytes, self._crcs
        pairs = zip(positions.tolist(), rows.tolist(), strict=True)
        return [crc32(flat[at * size : (at + 1) * size]) == crcs[row] for at, row in pairs]

    def _rows(self, n_rows: int) -> NDArray[np.float32] | None:
        mapped = self._mapped
        if len(mapped) < n_rows:
            # Only rows that sound records vouch for are mapped: writers never cut those off, so no page goes missing.
            n_rows = len(self._crcs)
            try:
                with open(self.shard.rows, "rb", buffering=0) as file:
                    pages = mmap.mmap(file.fileno(), n_rows * self._row_bytes, access=mmap.ACCESS_READ)
            except (FileNotFoundError, ValueError):  # pruned, or cut short by something else
                return None
            mapped = np.frombuffer(pages, ROW_DTYPE).reshape(n_rows, self._dim)
            self._mapped = mapped
        return mapped


class ShardWriter:
    """Appends to a shard of its own, which it holds locked until :meth:`close`. Not thread-safe.

    Args:
        folder: the space's folder, which exists; call under the cache's lock.
        dim: number of features in a row.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self.shard = Shard(folder, f"shard-{uuid.uuid4().hex}")
        self.count = 0
        self._row_bytes = dim * ROW_DTYPE.itemsize
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        self._rows = os.open(self.shard.rows, flags, 0o666)
        try:
            fcntl.flock(self._rows, fcntl.LOCK_EX)
            self._index = os.open(self.shard.index, flags, 0o666)
        except BaseException:
            os.close(self._rows)
            self.shard.delete()
            raise
        self._close = weakref.finalize(self, _close_all, self._rows, self._index)
        written_here.add(self.shard.name)

    def append(self, digests: Sequence[bytes], rows: NDArray[np.float32]) -> None:
        """Write rows, then the records that vouch for them.

        Args:
            digests: k digests of 32 bytes.
            rows: (k, dim) little-endian float32, C-contiguous.

        Raises:
            OSError: where the write failed; what was not vouched for is cut off again.
        """
        flat = rows.data.cast("B")
        records = bytearray()
        for i, digest in enumerate(digests):
            vouched = digest + struct.pack("<I", crc32(flat[i * self._row_bytes : (i + 1) * self._row_bytes]))
            records += vouched + struct.pack("<I", crc32(vouched))
        try:
            _write_all(self._rows, flat, self.count * self._row_bytes)
            _write_all(self._index, memoryview(records), self.count * RECORD.size)
        except BaseException:
            self._cut_back()
            raise
        self.count += len(digests)

    def close(self) -> None:
        """Give the lock back and close; a shard without rows goes away."""
        if not self._close.alive:
            return
        if self.count == 0:
            self.shard.delete()
        # A forked process may hold copies of the descriptors: closing ours alone would leave the shard locked.
        fcntl.flock(self._rows, fcntl.LOCK_UN)
        self._close()

    def abandon(self) -> None:
        """Close without unlocking: in a forked process, whose parent goes on writing."""
        self._close()

    def _cut_back(self) -> None:
        # Records that came through whole stand: a reader may have mapped their rows already.
        self.count = os.fstat(self._index).st_size // RECORD.size
        os.ftruncate(self._index, self.count * RECORD.size)
        os.ftruncate(self._rows, self.count * self._row_bytes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _write_all(descriptor: int, data: memoryview[Any], offset: int) -> None:
    while data:
        n_bytes = os.pwrite(descriptor, data, offset)
        data, offset = data[n_bytes:], offset + n_bytes
