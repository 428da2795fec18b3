"""An order of rows that their content decides, whatever order they came in."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_NUMBERS = 2**22
"""Numbers that are hashed at once."""


def content_order(rows: Any, random_state: int | None) -> NDArray[np.int64]:
    """(n,) places of rows in a random order that permuting them does not change.

    Args:
        rows: (n, d) numbers, dense or sparse, a data frame, or n raw examples.
        random_state: seed of the order.
    """
    return np.argsort(_hashes(rows, 0 if random_state is None else random_state), kind="stable")


def _hashes(rows: Any, seed: int) -> NDArray[np.uint64]:
    """(n,) pseudo-random numbers."""
    if hasattr(rows, "toarray"):
        rows = rows.tocsr()
        size = max(1, BLOCK_NUMBERS // max(1, rows.shape[1]))
        blocks = [_of_numbers(rows[i : i + size].toarray(), seed) for i in range(0, rows.shape[0], size)]
        return np.concatenate(blocks)
    if not isinstance(rows, (list, tuple)):
        found = np.asarray(rows)
        if found.ndim == 2 and found.dtype.kind in "fiub":
            size = max(1, BLOCK_NUMBERS // max(1, found.shape[1]))
            return np.concatenate([_of_numbers(found[i : i + size], seed) for i in range(0, len(found), size)])
        rows = found
    return np.array([_of_example(row, seed) for row in rows], dtype=np.uint64)


def _of_numbers(block: NDArray[Any], seed: int) -> NDArray[np.uint64]:
    """Bits of each row times random odd numbers, summed modulo 2^64 and stirred."""
    bits = (np.asarray(block, dtype=np.float64) + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    factors = np.random.default_rng(seed).integers(0, 2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    sums = (_stirred(bits) * factors).sum(axis=1, dtype=np.uint64)
    return _stirred(sums)


def _stirred(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finishing steps of splitmix64: every bit of the result hangs on every bit given."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _of_example(example: Any, seed: int) -> int:
    content = example.tobytes() if isinstance(example, np.ndarray) and example.dtype != object else repr(example)
    content = content if isinstance(content, bytes) else content.encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, salt=f"{seed:x}".encode()[-16:]).digest(), "big")
