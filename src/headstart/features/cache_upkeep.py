"""Keeping the cache in order: what it holds, what goes first, and whether every row is what was put."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from headstart.features.cache_folder import SPACE_FILE, exclusive, read_space
from headstart.features.shard import (
    ROW_DTYPE,
    Shard,
    ShardWriter,
    claim,
    find_shards,
    read_records,
    written_here,
)
from headstart.types import Progress, silent

MERGE_ABOVE_SHARDS = 16
"""A space with more small finished shards than this has them merged."""

_SMALL_BYTES = 64 * 2**20
_MERGED_BYTES = 512 * 2**20
_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True)
class SpaceInfo:
    """What one space holds.

    Args:
        address: name of the space's folder.
        key: what decides its features; empty where ``space.json`` is damaged.
        dim: number of features in a row; 0 where ``space.json`` is damaged.
        rows: number of rows.
        bytes: size on disk.
        shards: number of shards.
        last_used: when rows were last written or read, seconds since the epoch.
        is_live: True while a process writes to it.
    """

    address: str
    key: dict[str, Any]
    dim: int
    rows: int
    bytes: int
    shards: int
    last_used: float
    is_live: bool


@dataclass(frozen=True)
class BadRow:
    """One thing that verifying found damaged.

    Args:
        address: name of the space's folder.
        shard: name of the shard, "" where the whole space is meant.
        row: number of the row in it, -1 where the whole shard or space is meant.
        reason: what is wrong.
    """

    address: str
    shard: str
    row: int
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """What verifying found.

    Args:
        spaces: number of spaces read.
        shards: number of shards read.
        rows: number of rows that are what was put.
        bad: what is damaged; such rows are never handed out, they count as missing.
        repaired: how many of ``bad`` are gone now.
    """

    spaces: int
    shards: int
    rows: int
    bad: tuple[BadRow, ...]
    repaired: int

    @property
    def is_sound(self) -> bool:
        """True when nothing is damaged."""
        return not self.bad


def list_spaces(root: Path) -> list[SpaceInfo]:
    """List what the cache holds.

    Args:
        root: the cache's folder.

    Returns:
        The spaces, the one used last first.
    """
    infos = []
    for folder in _folders(root):
        shards = find_shards(folder)
        key, dim = read_space(folder) or ({}, 0)
        infos.append(
            SpaceInfo(
                address=folder.name,
                key=key,
                dim=dim,
                rows=sum(shard.count for shard in shards),
                bytes=sum(shard.bytes for shard in shards),
                shards=len(shards),
                last_used=max((shard.last_used for shard in shards), default=0.0),
                is_live=any(_is_live(shard) for shard in shards),
            )
        )
    return sorted(infos, key=lambda info: -info.last_used)


def prune(root: Path, *, max_bytes: int, everything: bool = False) -> int:
    """Delete the shards used longest ago until the cache is small enough, and merge small ones.

    Args:
        root: the cache's folder.
        max_bytes: size to come down to, in bytes.
        everything: delete all; ``max_bytes`` is not read.

    Returns:
        Bytes freed. Shards that a process is writing are never touched.
    """
    if not root.is_dir():
        return 0
    with exclusive(root):
        before = sum(shard.bytes for folder in _folders(root) for shard in find_shards(folder))
        _shrink(root, max_bytes=-1 if everything else max_bytes, keep=frozenset())
        for folder in _folders(root):
            _merge(folder)
            _remove_if_empty(folder)
        after = sum(shard.bytes for folder in _folders(root) for shard in find_shards(folder))
    return before - after


def tidy(root: Path, folder: Path, *, max_bytes: int) -> None:
    """Hold the cache to its size, as writers do now and then: what this process wrote stays.

    Args:
        root: the cache's folder.
        folder: the space just written, whose small shards are merged when they are many.
        max_bytes: the cap, in bytes.
    """
    try:
        with exclusive(root):
            _shrink(root, max_bytes=max_bytes, keep=written_here)
            _merge(folder)
            for other in _folders(root):
                _remove_if_empty(other)
    except OSError:
        pass  # rows are safe already; a cache that grows too large is no reason to end a run


def verify(root: Path, *, repair: bool = False, progress: Progress = silent) -> VerifyReport:
    """Read every record and every row, and compare them with their checksums.

    A torn end, as a killed writer leaves it, is not damage: nothing vouches for it and nothing reads it.

    Args:
        root: the cache's folder.
        repair: write damaged shards anew without the bad rows, and delete spaces whose key is lost.
        progress: told the number of shards done.

    Returns:
        What was found.
    """
    folders = list(_folders(root))
    todo = [(folder, shard) for folder in folders for shard in find_shards(folder)]
    bad: list[BadRow] = []
    rows = repaired = 0
    for done, (folder, shard) in enumerate(todo):
        progress("verify", done, len(todo))
        space = read_space(folder)
        n_sound, damage = _check_shard(shard, space[1] if space else 0)
        rows += n_sound
        bad += damage
        if damage and repair and _repair(root, shard, space[1] if space else 0):
            repaired += len(damage)
    progress("verify", len(todo), len(todo))
    return VerifyReport(len(folders), len(todo), rows, tuple(bad), repaired)


def _folders(root: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(root))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if re.fullmatch(r"[0-9a-f]{64}", name) and (root / name).is_dir():
            yield root / name


def _is_live(shard: Shard) -> bool:
    with claim(shard) as claimed:
        return not claimed


def _shrink(root: Path, *, max_bytes: int, keep: frozenset[str] | set[str]) -> None:
    shards = [shard for folder in _folders(root) for shard in find_shards(folder)]
    total = sum(shard.bytes for shard in shards)
    for shard in sorted(shards, key=lambda shard: shard.last_used):
        if total <= max_bytes:
            return
        if shard.name not in keep:
            with claim(shard) as claimed:
                total -= shard.delete() if claimed else 0


def _remove_if_empty(folder: Path) -> None:
    if not find_shards(folder):
        for leftover in (folder / SPACE_FILE, folder / f"{SPACE_FILE}.tmp"):
            leftover.unlink(missing_ok=True)
        with suppress(OSError):  # someone keeps a file of their own in there
            folder.rmdir()


# Checking


def _check_shard(shard: Shard, dim: int) -> tuple[int, list[BadRow]]:
    where = (shard.folder.name, shard.name)
    if not shard.index.exists():  # a writer died before its first record
        return 0, []
    if dim == 0:
        return 0, [BadRow(*where, -1, f"{SPACE_FILE} of its space is missing or damaged")]
    if shard.count and not shard.rows.exists():
        return 0, [BadRow(*where, -1, "its file of rows is missing")]
    n_sound, damage = 0, []
    for row, _, _, reason in _read_rows(shard, dim):
        if reason:
            damage.append(BadRow(*where, row, reason))
        else:
            n_sound += 1
    return n_sound, damage


def _read_rows(shard: Shard, dim: int) -> Iterator[tuple[int, bytes, bytes, str]]:
    """Yield row number, digest, bytes of the row, and what is wrong with it ("" when it is sound)."""
    row_bytes = dim * ROW_DTYPE.itemsize
    try:
        with open(shard.rows, "rb") as file:
            for row, digest, row_crc, sound in read_records(shard):
                data = file.read(row_bytes)
                if not sound:
                    reason = "its record does not match the record's checksum"
                elif len(data) < row_bytes:
                    reason = "it lies outside its file of rows"
                else:
                    reason = "" if crc32(data) == row_crc else "its bytes do not match their checksum"
                yield row, digest, data, reason
    except FileNotFoundError:
        return  # pruned meanwhile


# Rewriting


def _merge(folder: Path) -> None:
    space = read_space(folder)
    if space is None:
        return
    small, small_bytes = [], 0
    for shard in find_shards(folder):
        if shard.bytes < _SMALL_BYTES and small_bytes < _MERGED_BYTES and not _is_live(shard):
            small.append(shard)
            small_bytes += shard.bytes
    if len(small) > MERGE_ABOVE_SHARDS:
        _rewrite(small, space[1])


def _repair(root: Path, shard: Shard, dim: int) -> bool:
    with exclusive(root):
        if dim:
            return _rewrite([shard], dim)
        with claim(shard) as claimed:
            if claimed:
                shard.delete()
        if claimed:
            _remove_if_empty(shard.folder)
        return claimed


def _rewrite(shards: Sequence[Shard], dim: int) -> bool:
    """Put the sound rows of finished shards into a new one, then delete them; killed between, rows are there twice."""
    writer = ShardWriter(shards[0].folder, dim)
    finished: list[Shard] = []
    seen: set[bytes] = set()
    try:
        for shard in shards:
            with claim(shard) as claimed:
                if claimed:
                    _copy_sound(shard, writer, seen, dim)
                    finished.append(shard)
        last_used = max((shard.last_used for shard in finished), default=0.0)
        os.utime(writer.shard.rows, (last_used, last_used))
    except BaseException:
        writer.shard.delete()
        finished = []
        raise
    finally:
        writer.close()
        for shard in finished:
            shard.delete()
    return len(finished) == len(shards)


def _copy_sound(shard: Shard, writer: ShardWriter, seen: set[bytes], dim: int) -> None:
    digests: list[bytes] = []
    rows: list[bytes] = []

    def flush() -> None:
        if digests:
            writer.append(digests, np.frombuffer(b"".join(rows), ROW_DTYPE).reshape(-1, dim))
            seen.update(digests)
            digests.clear()
            rows.clear()

    for _, digest, data, reason in _read_rows(shard, dim):
        if not reason and digest not in seen:
            digests.append(digest)
            rows.append(data)
            if len(rows) * len(data) >= _BLOCK_BYTES:
                flush()
    flush()
