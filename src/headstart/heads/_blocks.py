"""Blocks of columns, one for each part of mixed examples; a part that a row lacks is all zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

WIDEST_FOR_TREES = 128
"""Blocks of at most this many columns, such as those of a table, may be predicted by boosted trees."""


def slices_of(blocks: Sequence[int], n_columns: int) -> list[slice]:
    """Where each block lies; one block where none are named.

    Raises:
        InputError: the widths do not add up to the columns.
    """
    widths = list(blocks) or [n_columns]
    if sum(widths) != n_columns or min(widths) < 1:
        raise InputError(
            f"fusion needs blocks whose widths add up to {n_columns} columns, got {tuple(widths)}. Give one width for "
            "each part."
        )
    ends = np.cumsum([0, *widths])
    return [slice(int(begin), int(end)) for begin, end in zip(ends[:-1], ends[1:], strict=True)]


def presence(X: NDArray[Any], slices: Sequence[slice]) -> NDArray[np.bool_]:
    """(n, n_blocks) True where a row has the part: some number of the block is not zero."""
    return np.stack([X[:, block].any(axis=1) for block in slices], axis=1)
