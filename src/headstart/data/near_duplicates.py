"""Find pictures that are copies of one another after resizing, re-encoding or a small change of brightness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from headstart.data.perceptual_hash import COLOUR_SIDE, GREY_SIDE

Pairs = NDArray[np.int64]

MAX_DISTANCE = 6
"""Bits in which the hashes of two copies may differ; with one bit of slack in each of 4 chunks up to 7 are found."""

MIN_LIKENESS = 0.998
"""Correlation of the two 32 x 32 thumbnails: copies of a photograph reach 0.999, similar ones seldom 0.997."""

MIN_DETAIL_LIKENESS = 0.985
"""The same after everything smooth is taken away, so that a shared sky or frame does not decide."""

MAX_COLOUR_STEP = 12.0
"""Root mean square difference of the 4 x 4 colours, in grey levels, once brightness and contrast are matched."""

MIN_CONTRAST = 2.0
"""A picture whose grey levels vary by less has nothing to be compared by, and is nobody's near-duplicate."""

_MAX_PAIRS = 1_000_000
_BLOCK_PAIRS = 4_096
_BLOCK_CANDIDATES = 2_000_000


def near_duplicates(thumbnails: NDArray[np.uint8], hashes: NDArray[np.uint64]) -> Pairs:
    """Pairs of rows that show the same picture.

    Args:
        thumbnails: (n, 1072) rows of :func:`~headstart.data.perceptual_hash.thumbnail`.
        hashes: (n,) their perceptual hashes.

    Returns:
        (m, 2) row numbers, smaller first. In a set with more than a million look-alike pairs the nearest are taken.
    """
    kept = [pairs[_alike(thumbnails, pairs)] for pairs in _blocks(_candidates(hashes), _BLOCK_PAIRS)]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *kept])


def _blocks(pairs: Pairs, size: int) -> Iterator[Pairs]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def _candidates(hashes: NDArray[np.uint64]) -> Pairs:
    for distance in range(MAX_DISTANCE, -1, -2):
        pairs = _within(hashes, distance)
        if pairs is not None:
            return pairs
    # Very many equal hashes (a static camera): each row meets its predecessor and the first row of its hash.
    order = np.lexsort((np.arange(len(hashes)), hashes))
    ordered = hashes[order]
    first = np.searchsorted(ordered, ordered)
    previous = np.maximum(np.arange(len(order)) - 1, first)
    pairs = np.concatenate([np.stack([order[other], order], axis=1) for other in (first, previous)])
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _within(hashes: NDArray[np.uint64], distance: int) -> Pairs | None:
    """All pairs at most ``distance`` bits apart, or None when there are too many to look at."""
    # Of 4 chunks of 16 bits one is at most distance // 4 bits off: 0 or 1 for every distance up to 7.
    flips = [0] if distance < 4 else [0, *(1 << bit for bit in range(16))]
    found: list[Pairs] = []
    n_found = 0
    for chunk in range(4):
        keys = ((hashes >> np.uint64(16 * chunk)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        for flip in flips:
            for left, right in _meetings(keys, order, flip):
                near = np.bitwise_count(hashes[left] ^ hashes[right]) <= distance
                near &= left < right
                block = np.stack([left[near], right[near]], axis=1)
                # A pair is met again in other chunks: counted at most 4 times, and made unique below.
                n_found += len(block)
                if n_found > 4 * _MAX_PAIRS:
                    return None
                found.append(block)
    pairs = np.unique(np.concatenate([np.empty((0, 2), dtype=np.int64), *found]), axis=0)
    return pairs if len(pairs) <= _MAX_PAIRS else None


def _meetings(keys: Pairs, order: Pairs, flip: int) -> Iterator[tuple[Pairs, Pairs]]:
    """Rows (left, right) whose 16-bit keys differ by exactly ``flip``, a bounded number at a time."""
    ordered = keys[order]
    low = np.searchsorted(ordered, keys ^ flip, side="left")
    count = np.searchsorted(ordered, keys ^ flip, side="right") - low
    ends = np.cumsum(count)
    start = 0
    while start < len(keys):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK_CANDIDATES, side="right")))
        span = count[start:stop]
        left = np.repeat(np.arange(start, stop), span)
        offset = np.arange(len(left)) - np.repeat(np.cumsum(span) - span, span)
        yield left, order[np.repeat(low[start:stop], span) + offset]
        start = stop


def _alike(thumbnails: NDArray[np.uint8], pairs: Pairs) -> NDArray[np.bool_]:
    """(m,) True where the two thumbnails show one picture, up to brightness and contrast."""
    left, right = (thumbnails[pairs[:, side]].astype(np.float32) for side in (0, 1))
    n_grey = GREY_SIDE * GREY_SIDE
    grey_left, grey_right = left[:, :n_grey], right[:, :n_grey]
    contrast_left, contrast_right = grey_left.std(axis=1), grey_right.std(axis=1)
    alike: NDArray[np.bool_] = np.minimum(contrast_left, contrast_right) >= MIN_CONTRAST
    alike &= _correlation(grey_left, grey_right) >= MIN_LIKENESS
    gain = contrast_right / np.maximum(contrast_left, 1e-6)
    matched = (left[:, n_grey:] - grey_left.mean(axis=1, keepdims=True)) * gain[:, None]
    step = matched - (right[:, n_grey:] - grey_right.mean(axis=1, keepdims=True))  # (m, 4 * 4 * 3)
    alike &= np.sqrt((step**2).sum(axis=1) / (COLOUR_SIDE * COLOUR_SIDE * 3)) <= MAX_COLOUR_STEP
    rows = np.flatnonzero(alike)
    alike[rows] = _correlation(_detail(grey_left[rows]), _detail(grey_right[rows])) >= MIN_DETAIL_LIKENESS
    return alike


def _detail(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.ndimage import uniform_filter

    square = grey.reshape(-1, GREY_SIDE, GREY_SIDE)
    smooth = uniform_filter(square, size=(1, 5, 5), mode="nearest") if len(square) else square
    detail: NDArray[np.float32] = (square - smooth).reshape(grey.shape)
    return detail


def _correlation(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    left = left - left.mean(axis=1, keepdims=True)
    right = right - right.mean(axis=1, keepdims=True)
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    likeness: NDArray[np.float32] = (left * right).sum(axis=1) / np.maximum(scale, 1e-6)
    return likeness
