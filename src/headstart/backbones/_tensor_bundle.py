"""Reading the variables of a TensorFlow checkpoint (an index and one shard of data) without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.errors import IntegrityError

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES, _FLOAT32 = 48, 1
_SHAPE, _OFFSET, _SIZE, _DTYPE = 2, 4, 5, 1  # numbers of the fields of an entry
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}  # kinds of fields


def read_tensor_bundle(index: Path, data: Path, who: str) -> dict[str, NDArray[np.float32]]:
    """The float32 variables of a checkpoint by name; others are left out.

    Args:
        index: the ``.index`` file, a sorted table of entries.
        data: the ``.data-00000-of-00001`` file that the entries point into.
        who: whose they are, for messages.

    Raises:
        IntegrityError: one of the files is damaged, or no such file.
    """
    content, shard = index.read_bytes(), data.read_bytes()
    found = {}
    try:
        for name, entry in _entries(content):
            fields = dict(_fields(entry))
            if not name or fields.get(_DTYPE) != _FLOAT32:
                continue
            shape = [
                int(dict(_fields(dim)).get(1, 0)) for number, dim in _fields(fields.get(_SHAPE, b"")) if number == 2
            ]
            begin, size = int(fields.get(_OFFSET, 0)), int(fields[_SIZE])
            values = np.frombuffer(shard[begin : begin + size], dtype="<f4")
            found[name.decode()] = values.reshape(shape).astype(np.float32)
    except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{who} needs a TensorFlow checkpoint, got {index.name!r} ({error}). Check the package index."
        ) from error
    return found


def _entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a sorted string table."""
    footer = content[-_FOOTER_BYTES:]
    if footer[-8:] != _MAGIC:
        raise ValueError("no sorted string table")
    _, place = _handle(footer, 0)
    (begin, size), _ = _handle(footer, place)
    for _, value in _block(content, begin, size):
        (begin, size), _ = _handle(value, 0)
        yield from _block(content, begin, size)


def _block(content: bytes, begin: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Entries of a block; each key tells how much of the one before it shares."""
    if content[begin + size] != 0:
        raise ValueError("a compressed block")
    block = content[begin : begin + size]
    end = size - 4 * (int.from_bytes(block[-4:], "little") + 1)
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + own]
        place += own
        yield key, block[place : place + length]
        place += length


def _handle(content: bytes, place: int) -> tuple[tuple[int, int], int]:
    begin, place = _varint(content, place)
    size, place = _varint(content, place)
    return (begin, size), place


def _fields(message: bytes | int) -> Iterator[tuple[int, bytes | int]]:
    """Numbers and values of the fields of a protocol buffer."""
    if isinstance(message, int):
        raise ValueError("a number where a message should be")
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        length, place = _varint(message, place) if kind == _BYTES else (_FIXED[kind], place)
        yield number, message[place : place + length]
        place += length


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
