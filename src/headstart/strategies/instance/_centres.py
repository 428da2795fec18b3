"""Kernel values of many rows with a few centres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.kernels import Kernel

BLOCK_ROWS = 16_384


def kernel_table(kernel: Kernel, X: NDArray[Any], centres: NDArray[Any]) -> NDArray[Any]:
    """(n, n_centres) kernel values, in the rows' float type, block by block."""
    result = np.empty((len(X), len(centres)), dtype=X.dtype)
    for start in range(0, len(X), BLOCK_ROWS):
        result[start : start + BLOCK_ROWS] = kernel(X[start : start + BLOCK_ROWS], centres)
    return result
