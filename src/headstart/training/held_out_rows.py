"""Rows that a network does not train on, to stop it early."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def held_out_rows(codes: Rows, *, fraction: float, least: int, random_state: int) -> tuple[Rows, Rows]:
    """Training and validation rows, both sorted, the validation rows drawn from each class by its share.

    Args:
        codes: (n,) class codes.
        fraction: share of each class that is held out; at least one row of each stays for training.
        least: with fewer held-out rows than this there are none, because they judge too coarsely.
        random_state: the seed.
    """
    draw = np.random.default_rng(random_state)
    held: list[Rows] = []
    for code in np.unique(codes):
        rows = draw.permutation(np.flatnonzero(codes == code))
        held.append(rows[: min(len(rows) - 1, round(fraction * len(rows)))])
    valid = np.sort(np.concatenate(held)) if held else np.empty(0, np.int64)
    if len(valid) < least:
        return np.arange(len(codes)), np.empty(0, np.int64)
    return np.setdiff1d(np.arange(len(codes)), valid), valid
