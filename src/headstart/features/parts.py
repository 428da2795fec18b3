"""The parts of mixed examples: which rows have one, and where its features go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def with_part(examples: Sequence[Mapping[str, Any]], part: str) -> list[int]:
    """Positions of the examples that have the part.

    >>> with_part([{"text": "a", "image": None}, {"text": None, "image": "b.jpg"}], "image")
    [1]
    """
    return [place for place, example in enumerate(examples) if example.get(part) is not None]


def placed(features: Any, positions: Sequence[int], n: int) -> Any:
    """(n, dim + 1): the features at their positions, zeros elsewhere; the last column is 1 where the part is there.

    Args:
        features: (len(positions), dim) of the examples that have the part, an array or a sparse matrix.
        positions: theirs among n examples.
        n: all examples.
    """
    if hasattr(features, "tocsr"):
        from scipy.sparse import csr_array, hstack

        ones = np.ones(len(positions), dtype=np.float32)
        spread = csr_array((ones, (list(positions), range(len(positions)))), shape=(n, len(positions)))
        return hstack([spread @ features, spread.sum(axis=1).reshape(-1, 1)], format="csr", dtype=np.float32)
    whole = np.zeros((n, features.shape[1] + 1), dtype=np.float32)
    whole[positions, :-1] = features
    whole[positions, -1] = 1.0
    return whole
