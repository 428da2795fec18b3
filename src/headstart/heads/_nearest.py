"""The nearest training rows by cosine, brute force in blocks: exact, and bounded in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ELEMENTS = 8_000_000
"""Similarities held at a time."""


def unit_rows(rows: NDArray[Any]) -> NDArray[Any]:
    """(n, d) rows at length 1; rows of zeros stay."""
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return np.asarray(rows / np.where(length > 0, length, 1)[:, None])


def nearest(
    queries: NDArray[Any], rows: NDArray[Any], k: int
) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.float64]]]:
    """Blocks of queries: which, their (b, k) nearest rows and the (b, k) cosines to them, in no order.

    Args:
        queries: (m, d) rows of length 1.
        rows: (n, d) rows of length 1.
        k: how many, at most n.
    """
    height = max(1, BLOCK_ELEMENTS // max(rows.shape[0], queries.shape[1]))
    k = min(k, rows.shape[0])
    for start in range(0, queries.shape[0], height):
        part = slice(start, min(start + height, queries.shape[0]))
        similarity = queries[part] @ rows.T  # (b, n)
        found = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        yield part, found, np.take_along_axis(similarity, found, axis=1).astype(np.float64)


def vote_weights(cosines: NDArray[np.float64], how: str) -> NDArray[np.float64]:
    """(b, k) weights that sum to k: all alike ("uniform"), or 1 / (cosine distance + 0.001) ("distance")."""
    if how == "uniform":
        return np.ones_like(cosines)
    votes = 1 / (np.clip(1 - cosines, 0, 2) + 1e-3)
    return np.asarray(votes * (cosines.shape[1] / votes.sum(axis=1, keepdims=True)))
