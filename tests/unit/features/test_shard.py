"""Shards: what is written, and what a reader trusts."""

import os
from hashlib import sha256

import numpy as np
import pytest

from headstart.features.shard import RECORD, ShardReader, ShardWriter, claim, find_shards

DIM = 6
DIGESTS = [sha256(bytes([i])).digest() for i in range(5)]
ROWS = np.arange(5 * DIM, dtype=np.float32).reshape(5, DIM)


@pytest.fixture
def shard(tmp_path):
    writer = ShardWriter(tmp_path, DIM)
    writer.append(DIGESTS[:3], ROWS[:3])
    writer.append(DIGESTS[3:], ROWS[3:])
    writer.close()
    return writer.shard


def read(shard):
    reader = ShardReader(shard, DIM)
    told = reader.grow()
    rows = np.zeros((len(told), DIM), np.float32)
    if told:
        numbers = np.array([row for _, row in told])
        assert all(reader.copy(numbers, rows, np.arange(len(told))))
    return [digest for digest, _ in told], rows


def test_what_was_appended_reads_back(shard):
    digests, rows = read(shard)
    assert digests == DIGESTS
    np.testing.assert_array_equal(rows, ROWS)
    assert shard.rows.read_bytes() == ROWS.astype("<f4").tobytes()
    assert shard.count == 5
    assert shard.bytes == 5 * (RECORD.size + DIM * 4)


def test_an_index_torn_at_any_byte_of_its_last_record_loses_only_that_row(shard):
    whole = shard.index.read_bytes()
    for size in range(len(whole) - RECORD.size, len(whole)):
        shard.index.write_bytes(whole[:size])
        digests, rows = read(shard)
        assert digests == DIGESTS[:4]
        np.testing.assert_array_equal(rows, ROWS[:4])


def test_rows_torn_at_any_byte_of_the_last_row_lose_only_that_row(shard):
    whole = shard.rows.read_bytes()
    for size in range(len(whole) - DIM * 4, len(whole)):
        shard.rows.write_bytes(whole[:size])
        assert read(shard)[0] == DIGESTS[:4]


def test_any_flipped_bit_of_a_record_hides_that_record_alone(shard):
    whole = shard.index.read_bytes()
    for bit in range(2 * RECORD.size * 8, 3 * RECORD.size * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        shard.index.write_bytes(damaged)
        assert read(shard)[0] == DIGESTS[:2] + DIGESTS[3:]


def test_any_flipped_bit_of_a_row_is_noticed(shard):
    whole = shard.rows.read_bytes()
    out, numbers = np.empty((5, DIM), np.float32), np.arange(5)
    for bit in range(DIM * 32, 2 * DIM * 32):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        shard.rows.write_bytes(damaged)
        reader = ShardReader(shard, DIM)
        reader.grow()
        assert reader.copy(numbers, out, numbers) == [True, False, True, True, True]


def test_a_record_that_was_only_half_there_is_read_when_it_is_whole(shard):
    whole = shard.index.read_bytes()
    shard.index.write_bytes(whole[: -RECORD.size] + bytes(RECORD.size))
    reader = ShardReader(shard, DIM)
    assert len(reader.grow()) == 4
    shard.index.write_bytes(whole)
    assert reader.grow() == [(DIGESTS[4], 4)]
    assert reader.grow() == []


def test_a_reader_follows_a_writer(tmp_path):
    writer = ShardWriter(tmp_path, DIM)
    reader = ShardReader(writer.shard, DIM)
    out = np.empty((5, DIM), np.float32)
    for i in range(5):
        writer.append(DIGESTS[i : i + 1], ROWS[i : i + 1])
        assert reader.grow() == [(DIGESTS[i], i)]
        assert reader.copy(np.array([i]), out, np.array([i])) == [True]
    np.testing.assert_array_equal(out, ROWS)
    writer.close()


def test_a_deleted_shard_reads_as_damaged(shard):
    reader = ShardReader(shard, DIM)
    reader.grow()
    assert shard.delete() == 5 * (RECORD.size + DIM * 4)
    assert reader.copy(np.array([0]), np.empty((1, DIM), np.float32), np.array([0])) == [False]
    assert reader.grow() == []


def test_a_shard_is_claimed_only_when_its_writer_is_gone(tmp_path):
    writer = ShardWriter(tmp_path, DIM)
    writer.append(DIGESTS, ROWS)
    with claim(writer.shard) as claimed:
        assert not claimed
    writer.close()
    writer.close()
    with claim(writer.shard) as claimed:
        assert claimed


def test_closing_gives_the_shard_free_though_a_forked_process_holds_the_file(tmp_path):
    writer = ShardWriter(tmp_path, DIM)
    writer.append(DIGESTS, ROWS)
    copy = os.dup(writer._rows)
    writer.close()
    with claim(writer.shard) as claimed:
        assert claimed
    os.close(copy)


def test_a_writer_that_is_forgotten_gives_its_shard_free(tmp_path):
    writer = ShardWriter(tmp_path, DIM)
    writer.append(DIGESTS, ROWS)
    shard = writer.shard
    del writer
    with claim(shard) as claimed:
        assert claimed
    assert read(shard)[0] == DIGESTS


def test_a_shard_without_rows_goes_away(tmp_path):
    writer = ShardWriter(tmp_path, DIM)
    assert find_shards(tmp_path) == [writer.shard]
    writer.close()
    assert find_shards(tmp_path) == []
    assert find_shards(tmp_path / "absent") == []
