"""The cache on a full disk, on a read-only one, and on one that fails."""

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import StorageError
from headstart.features.cache import FeatureCache
from headstart.features.shard import find_shards

DIM = 16
KEY = {"weights": "w"}
NAMES = [sha256(bytes([i])).digest() for i in range(40)]
ROWS = np.arange(40 * DIM, dtype=np.float32).reshape(40, DIM)


@contextmanager
def disk_of(n_bytes, patched):
    """Let only ``n_bytes`` more bytes be written; the last write comes through in part, as on a disk that fills up."""
    left, pwrite = [n_bytes], os.pwrite

    def write(descriptor, data, offset):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = pwrite(descriptor, data[: left[0]], offset)
        left[0] -= written
        return written

    with patched.context() as context:
        context.setattr("headstart.features.shard.os.pwrite", write)
        yield


@settings(max_examples=60, deadline=None)
@given(room=st.integers(0, 10 * (DIM * 4 + 40) - 1))
def test_a_disk_that_fills_up_at_any_byte_keeps_whole_rows_only(room):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        cache = FeatureCache(folder)
        with cache.space(KEY, DIM) as space:
            space.put(NAMES[:5], ROWS[:5])
            reader = cache.space(KEY, DIM)
            reader.get(NAMES)
            with (
                disk_of(room, patched),
                pytest.raises(StorageError, match=r"needs room to write in .* got 'No space left on device'\. Free"),
            ):
                space.put(NAMES[:15], ROWS[:15])
            (shard,) = find_shards(space.folder)
            n = 5 + max(0, room - 10 * DIM * 4) // 40
            assert (shard.rows.stat().st_size, shard.index.stat().st_size) == (n * DIM * 4, n * 40)
            assert cache.verify().rows == n
            assert cache.verify().is_sound
            assert space.get(NAMES)[1].sum() == n
            assert space.put(NAMES, ROWS) == 40 - n  # there is room again
        for opened in (space, reader, cache.space(KEY, DIM)):
            np.testing.assert_array_equal(opened.get(NAMES)[0], ROWS)
        assert cache.verify().rows == 40


def test_a_file_that_may_not_grow_is_told_in_one_line(tmp_path):
    code = f"""
import resource, sys
import numpy as np
from hashlib import sha256
from headstart.errors import StorageError
from headstart.features.cache import FeatureCache
space = FeatureCache(sys.argv[1]).space({KEY!r}, 512)
space.put([sha256(b"first").digest()], np.ones((1, 512)))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    space.put([sha256(bytes([i])).digest() for i in range(100)], np.ones((100, 512)))
except StorageError as error:
    print(error)
assert space.get([sha256(b"first").digest()])[1].all()
assert space.put([sha256(b"second").digest()], np.ones((1, 512))) == 1
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "needs room to write" in done.stdout
    report = FeatureCache(tmp_path).verify()
    assert report.is_sound
    assert report.rows == 2


def test_no_room_even_to_begin_is_told(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache = FeatureCache(tmp_path)
    monkeypatch.setattr("headstart.features.shard.fcntl.flock", full)
    with pytest.raises(StorageError, match="needs room to write") as caught:
        cache.space(KEY, DIM).put(NAMES, ROWS)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert cache.verify().is_sound
    cache.space(KEY, DIM).put(NAMES, ROWS)


def test_a_full_disk_while_merging_or_repairing_loses_nothing(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)
    for i in range(16):
        with cache.space(KEY, DIM) as space:
            space.put(NAMES[i : i + 1], ROWS[i : i + 1])
    with cache.space(KEY, DIM) as space:
        space.put(NAMES, ROWS)
        with disk_of(250, monkeypatch):
            space.close()  # merging fails quietly, after some shards were copied
    assert len(find_shards(space.folder)) == 17
    shard = max(find_shards(space.folder), key=lambda shard: shard.bytes)
    shard.rows.write_bytes(b"\x01" + shard.rows.read_bytes()[1:])
    with disk_of(100, monkeypatch), pytest.raises(StorageError, match="needs room to write"):
        cache.verify(repair=True)
    assert len(find_shards(space.folder)) == 17
    assert cache.verify(repair=True).repaired == 1
    assert cache.verify().rows == 39
    assert cache.space(KEY, DIM).missing(NAMES).tolist() == [16]


@contextmanager
def read_only(root):
    """Make the folders read-only, and be somebody whom that binds."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for folder in folders:
            folder.chmod(0o755)


def test_a_read_only_cache_can_be_read_but_not_written():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        cache = FeatureCache(Path(folder) / "cache")
        with cache.space(KEY, DIM) as space:
            space.put(NAMES[:5], ROWS[:5])
        with read_only(cache.root):
            space = FeatureCache(cache.root).space(KEY, DIM)
            np.testing.assert_array_equal(space.get(NAMES[:5])[0], ROWS[:5])
            assert cache.verify().rows == 5
            assert cache.ls()[0].rows == 5
            for write in (lambda: space.put(NAMES, ROWS), lambda: cache.prune(everything=True)):
                with pytest.raises(
                    StorageError, match=r"needs a folder it can read and write in .* got 'Permission denied'"
                ):
                    write()
            new = FeatureCache(cache.root / "new")
            with pytest.raises(StorageError, match="let HEADSTART_CACHE name another folder"):
                new.space(KEY, DIM).put(NAMES, ROWS)
        assert cache.verify().rows == 5
