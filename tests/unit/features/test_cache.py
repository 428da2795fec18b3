"""The feature cache in one process: get, put, the cap, checking, repairing."""

import json
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from hashlib import sha256

import numpy as np
import pytest

from headstart.errors import InputError, IntegrityError, StorageError
from headstart.features import cache_space, cache_upkeep
from headstart.features.cache import FeatureCache
from headstart.features.shard import RECORD, ShardWriter, find_shards, written_here

DIM = 8
KEY = {"weights": "w1", "preprocessing": {"scale": 0.875}}


def digests(n, start=0):
    return [sha256(str(i).encode()).digest() for i in range(start, start + n)]


def features(n, start=0, dim=DIM):
    return (np.arange(start, start + n, dtype=np.float32)[:, None] + np.linspace(0, 1, dim, dtype=np.float32)).copy()


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def space(cache):
    with cache.space(KEY, DIM) as space:
        yield space


def fill(cache, key=KEY, n=10, start=0, dim=DIM):
    with cache.space(key, dim) as space:
        space.put(digests(n, start), features(n, start, dim))
    return space


def flip(path, byte):
    with open(path, "r+b") as file:
        file.seek(byte)
        old = file.read(1)[0]
        file.seek(byte)
        file.write(bytes([old ^ 1]))


def test_an_empty_cache_has_nothing_and_writes_nothing(cache):
    space = cache.space(KEY, DIM)
    rows, present = space.get(digests(3))
    assert rows.shape == (3, DIM)
    assert rows.dtype == np.float32
    assert np.isnan(rows).all()
    assert present.tolist() == [False] * 3
    assert space.missing(digests(3)).tolist() == [0, 1, 2]
    assert space.get([])[0].shape == (0, DIM)
    space.close()
    assert cache.ls() == []
    assert cache.prune() == 0
    assert cache.verify().is_sound
    assert not cache.root.exists()


def test_what_was_put_comes_back_in_the_order_asked(space):
    assert space.put(digests(20), features(20)) == 20
    order = [7, 3, 19, 3, 0]
    rows, present = space.get([digests(20)[i] for i in order])
    assert present.all()
    np.testing.assert_array_equal(rows, features(20)[order])


def test_missing_rows_are_nan_and_the_others_right(space):
    space.put(digests(5), features(5))
    asked = [digests(5)[1], b"", digests(1, start=99)[0], digests(5)[4]]
    rows, present = space.get(asked)
    assert present.tolist() == [True, False, False, True]
    np.testing.assert_array_equal(rows[present], features(5)[[1, 4]])
    assert np.isnan(rows[~present]).all()
    assert space.missing(asked).tolist() == [1, 2]


def test_rows_already_present_are_passed_over(cache, space):
    assert space.put(digests(4), features(4)) == 4
    assert space.put(digests(6), features(6) + 1) == 2
    assert space.put(digests(1, 50) * 3, features(3)) == 1
    rows, _ = space.get(digests(6))
    np.testing.assert_array_equal(rows[:4], features(4))
    with cache.space(KEY, DIM) as other:  # has not looked yet, and still knows
        assert other.put(digests(6), features(6)) == 0


def test_rows_may_be_any_numbers_in_any_layout(space):
    values = np.asfortranarray(features(4).astype(np.float64))
    space.put(digests(4), values)
    space.put(digests(1, 4), [[1] * DIM])
    space.put(digests(2, 5), np.ones((4, DIM), np.float16)[::2])
    rows, present = space.get(digests(7))
    assert present.all()
    np.testing.assert_array_equal(rows, np.vstack([features(4), np.ones((3, DIM))]))


def test_get_fills_the_array_it_is_given(space):
    space.put(digests(3), features(3))
    out = np.zeros((4, DIM), np.float32)
    rows, present = space.get(digests(4), out=out)
    assert rows is out
    np.testing.assert_array_equal(out[:3], features(3))
    assert np.isnan(out[3]).all()
    for wrong in (np.zeros((4, DIM)), np.zeros((3, DIM), np.float32), np.zeros((DIM, 4), np.float32).T):
        with pytest.raises(InputError, match="needs out as a writeable C-contiguous float32"):
            space.get(digests(4), out=wrong)


@pytest.mark.parametrize(
    ("names", "rows", "message"),
    [
        (digests(2), np.zeros((3, DIM)), "one row a digest"),
        (digests(2), np.zeros((2, DIM + 1)), "one row a digest"),
        (digests(1), np.array([["a"] * DIM]), "needs numbers"),
        ([b""], np.zeros((1, DIM)), "digests of 32 bytes"),
        (["a" * 32], np.zeros((1, DIM)), "digests of 32 bytes"),
        (digests(3), np.array([[0.0] * DIM] * 2 + [[np.nan] * DIM]), "NaN or infinity in row 2"),
        (digests(1), np.full((1, DIM), 1e300), "finite float32"),
    ],
)
def test_put_refuses_what_is_not_a_row_and_stores_nothing(cache, space, names, rows, message):
    with pytest.raises(InputError, match=message):
        space.put(names, rows)
    assert cache.ls() == []


def test_two_spaces_do_not_mix(cache):
    with cache.space(KEY, DIM) as one, cache.space(KEY | {"weights": "w2"}, DIM) as two:
        one.put(digests(3), features(3))
        assert not two.get(digests(3))[1].any()
        two.put(digests(3), features(3) + 100)
        np.testing.assert_array_equal(one.get(digests(3))[0], features(3))
        np.testing.assert_array_equal(two.get(digests(3))[0], features(3) + 100)
        assert not cache.space(KEY, DIM + 1).get(digests(3))[1].any()


def test_a_new_cache_object_finds_the_rows_of_the_last_one(cache):
    fill(cache)
    rows, present = FeatureCache(cache.root).space(dict(reversed(KEY.items())), DIM).get(digests(10))
    assert present.all()
    np.testing.assert_array_equal(rows, features(10))


def test_a_reader_sees_what_another_writes_after_it_has_opened(cache):
    reader = cache.space(KEY, DIM)
    with cache.space(KEY, DIM) as writer:
        for i in range(3):
            assert not reader.get(digests(1, i))[1].any()
            writer.put(digests(1, i), features(1, i))
            np.testing.assert_array_equal(reader.get(digests(1, i))[0], features(1, i))


def test_a_closed_space_can_be_used_again(space):
    space.put(digests(2), features(2))
    space.close()
    space.close()
    space.put(digests(4), features(4))
    np.testing.assert_array_equal(space.get(digests(4))[0], features(4))
    assert len(find_shards(space.folder)) == 2


def test_spaces_and_caches_survive_pickling(cache, space):
    space.put(digests(2), features(2))
    again = pickle.loads(pickle.dumps(space))
    np.testing.assert_array_equal(again.get(digests(2))[0], features(2))
    assert pickle.loads(pickle.dumps(cache)).root == cache.root


def test_threads_share_a_space(space):
    errors = []

    def work(start):
        try:
            for i in range(start, start + 200, 10):
                space.put(digests(10, i), features(10, i))
                np.testing.assert_array_equal(space.get(digests(10, i))[0], features(10, i))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    np.testing.assert_array_equal(space.get(digests(700))[0], features(700))
    assert len(find_shards(space.folder)) == 1


def test_people_can_read_what_a_space_is(cache):
    space = fill(cache)
    told = json.loads((space.folder / "space.json").read_text())
    assert told == {"dim": DIM, "key": KEY}
    (info,) = cache.ls()
    assert (info.key, info.dim, info.rows, info.shards, info.is_live) == (KEY, DIM, 10, 1, False)
    assert info.bytes == 10 * (RECORD.size + 4 * DIM)
    with cache.space(KEY, DIM) as live:
        live.put(digests(1, 77), features(1))
        assert cache.ls()[0].is_live


# Where it lies, and of which format


def test_the_environment_says_where(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "here"))
    assert FeatureCache().root == tmp_path / "here"
    monkeypatch.setenv("HEADSTART_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FeatureCache().root.is_relative_to(tmp_path)
    assert FeatureCache().root.name == "headstart"


def test_another_format_is_refused_with_the_remedy(cache):
    fill(cache)
    (cache.root / "format_version").write_text("99\n")
    with pytest.raises(IntegrityError, match="needs format_version '1', got '99' .*Delete that folder"):
        FeatureCache(cache.root)


def test_a_root_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Not a directory"):
        FeatureCache(tmp_path / "file")


@pytest.mark.parametrize("dim", [0, -1])
def test_a_row_needs_a_width(cache, dim):
    with pytest.raises(InputError, match="dim of at least 1"):
        cache.space(KEY, dim)


# Damage


def test_a_flipped_row_is_missing_told_by_verify_and_can_be_put_again(cache):
    space = fill(cache)
    (shard,) = find_shards(space.folder)
    flip(shard.rows, 3 * DIM * 4 + 5)
    rows, present = cache.space(KEY, DIM).get(digests(10))
    assert np.flatnonzero(~present).tolist() == [3]
    assert np.isnan(rows[3]).all()
    rows, present = space.get(digests(10))  # opened before the flip
    assert np.flatnonzero(~present).tolist() == [3]
    report = cache.verify()
    assert not report.is_sound
    assert [(bad.address, bad.shard, bad.row) for bad in report.bad] == [(space.folder.name, shard.name, 3)]
    assert (report.rows, report.repaired) == (9, 0)
    assert space.put(digests(10), features(10)) == 1
    space.close()
    for opened in (space, cache.space(KEY, DIM)):  # the damaged copy must not hide the good one
        np.testing.assert_array_equal(opened.get(digests(10))[0], features(10))


def test_repair_removes_the_bad_rows_and_keeps_the_others(cache):
    space = fill(cache)
    (shard,) = find_shards(space.folder)
    flip(shard.rows, 3 * DIM * 4)
    flip(shard.index, 6 * RECORD.size)
    shard.rows.write_bytes(shard.rows.read_bytes()[: 9 * DIM * 4 + 1])
    report = cache.verify(repair=True)
    assert [bad.row for bad in report.bad] == [3, 6, 9]
    assert {"checksum", "file of rows"} <= {
        word for bad in report.bad for word in ("checksum", "file of rows") if word in bad.reason
    }
    assert report.repaired == 3
    assert cache.verify() == type(report)(spaces=1, shards=1, rows=7, bad=(), repaired=0)
    for opened in (space, cache.space(KEY, DIM)):
        rows, present = opened.get(digests(10))
        assert np.flatnonzero(~present).tolist() == [3, 6, 9]
        np.testing.assert_array_equal(rows[present], features(10)[present])


def test_repair_leaves_a_live_shard_alone(cache, space):
    space.put(digests(2), features(2))
    flip(find_shards(space.folder)[0].rows, 0)
    report = cache.verify(repair=True)
    assert (len(report.bad), report.repaired) == (1, 0)
    assert len(find_shards(space.folder)) == 1


def test_a_space_whose_key_is_lost_is_told_and_repaired(cache):
    folder = fill(cache).folder
    (folder / "space.json").write_text("{")
    assert cache.ls()[0].key == {}
    assert "space.json" in cache.verify().bad[0].reason
    fill(cache, start=10)  # the next writer knows the key, and tells it again
    assert cache.verify().is_sound
    (folder / "space.json").unlink()
    assert cache.verify(repair=True).repaired == 2
    assert not folder.exists()
    assert cache.verify().is_sound


def test_a_rows_file_that_is_gone_is_told_and_repaired(cache):
    space = fill(cache)
    find_shards(space.folder)[0].rows.unlink()
    assert not cache.space(KEY, DIM).get(digests(10))[1].any()
    assert cache.verify(repair=True).bad[0].reason == "its file of rows is missing"
    assert cache.verify().is_sound


# The cap


def age(space, seconds):
    for shard in find_shards(space.folder):
        os.utime(shard.rows, (seconds, seconds))


def keys_of(cache):
    return {info.key["weights"] for info in cache.ls()}


def test_prune_deletes_what_was_used_longest_ago(cache):
    spaces = {name: fill(cache, {"weights": name}) for name in "abc"}
    for seconds, name in enumerate("abc", start=1000):
        age(spaces[name], seconds)
    each = cache.ls()[0].bytes
    cache.space({"weights": "a"}, DIM).get(digests(1))  # now the last one used
    assert cache.prune(2 * each) == each
    assert keys_of(cache) == {"a", "c"}
    assert not spaces["b"].folder.exists()
    assert cache.prune(2 * each) == 0
    assert cache.prune(everything=True) == 2 * each
    assert cache.ls() == []
    assert sorted(os.listdir(cache.root)) == ["format_version", "lock"]


def test_prune_never_touches_a_live_shard(cache, space):
    fill(cache, {"weights": "done"})
    space.put(digests(5), features(5))
    cache.prune(everything=True)
    assert keys_of(cache) == {"w1"}
    space.put(digests(7), features(7))
    np.testing.assert_array_equal(space.get(digests(7))[0], features(7))


def test_a_pruned_space_reads_as_missing_and_fills_again(cache):
    reader = fill(cache)
    cache.prune(everything=True)
    assert reader.get(digests(10))[1].sum() in (0, 10)  # 10 where the rows were mapped before
    again = fill(cache)
    assert again.get(digests(10))[1].all()


def test_writers_hold_the_cache_to_its_size_but_keep_their_own(cache):
    old = fill(cache, {"weights": "old"})
    written_here.difference_update(shard.name for shard in find_shards(old.folder))  # as if another run's
    small = FeatureCache(cache.root, max_bytes=1)
    fill(small, {"weights": "w1"})
    assert keys_of(small) == {"w1"}
    fill(small, {"weights": "w2"})
    assert keys_of(small) == {"w1", "w2"}


def test_a_long_put_makes_room_before_it_closes(cache):
    old = fill(cache, {"weights": "old"})
    written_here.difference_update(shard.name for shard in find_shards(old.folder))
    with FeatureCache(cache.root, max_bytes=1000).space(KEY, DIM) as space:
        for i in range(0, 100, 10):
            space.put(digests(10, i), features(10, i))
        assert keys_of(cache) == {"w1"}
        np.testing.assert_array_equal(space.get(digests(100))[0], features(100))


def test_many_small_shards_are_merged_and_readers_follow(cache):
    n = cache_upkeep.MERGE_ABOVE_SHARDS + 1
    reader = cache.space(KEY, DIM)
    for i in range(n):
        fill(cache, n=2, start=i)
        reader.missing(digests(i + 2))
    assert reader.get(digests(1))[1].all()
    folder = reader.folder
    assert len(find_shards(folder)) == 1
    for opened in (reader, cache.space(KEY, DIM)):
        np.testing.assert_array_equal(opened.get(digests(n + 1))[0], features(n + 1))
    assert cache.ls()[0].rows == n + 1
    assert cache.verify().is_sound


def test_a_killed_writers_first_moment_is_cleared_away(cache):
    folder = fill(cache).folder
    (folder / f"shard-{'0' * 32}.rows").write_bytes(b"half a row")
    assert cache.verify().is_sound
    assert cache.prune(everything=True) > 0
    assert not folder.exists()


# Memory


def test_a_large_result_takes_no_anonymous_memory(cache, monkeypatch):
    monkeypatch.setattr(cache_space, "MAPPED_FROM_BYTES", 2**20)
    n, dim = 6000, 1024  # 24 MB
    with cache.space(KEY, dim) as space:
        for i in range(0, n, 500):
            space.put(digests(500, i), features(500, i, dim))
        names = digests(n)[::-1]
        space.missing(names)
        tracemalloc.start()
        rows, present = space.get(names)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert present.all()
    np.testing.assert_array_equal(rows[::1000], features(n, 0, dim)[::-1][::1000])
    assert peak < 8 * 2**20
    assert type(rows) is np.ndarray
    assert rows.flags.writeable
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows[:2])), rows[:2])
    assert not list(cache.root.glob("rows-*"))


def test_without_room_for_the_mapped_file_the_result_is_in_memory(cache, monkeypatch):
    fill(cache)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_space, "MAPPED_FROM_BYTES", 1)
    monkeypatch.setattr(cache_space, "_reserve", full)
    np.testing.assert_array_equal(cache.space(KEY, DIM).get(digests(10))[0], features(10))


def test_importing_the_cache_is_light():
    code = "import headstart.features.cache, headstart.cli.cache, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "pandas", "sklearn", "scipy", "platformdirs", "rich.table"} & set(loaded)


def test_an_interrupted_put_leaves_no_half_row(cache, space, monkeypatch):
    space.put(digests(2), features(2))

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("headstart.features.shard.os.pwrite", interrupt)
        with pytest.raises(KeyboardInterrupt):
            space.put(digests(4), features(4))
    assert space.put(digests(4), features(4)) == 2
    assert isinstance(space._writer, ShardWriter)
    assert cache.verify().rows == 4
    assert cache.verify().is_sound
