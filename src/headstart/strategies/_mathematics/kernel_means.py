"""Means of a kernel over many rows, block by block, and the bandwidth of two domains together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.accelerator import fetched, is_tensor, placed
from headstart.strategies._mathematics.kernels import MEDIAN_ROWS, Kernel, make_kernel

BLOCK_ELEMENTS = 4_000_000
"""Numbers of the kernel matrix that are held at a time."""


def kernel_mean(kernel: Kernel, A: NDArray[Any], B: NDArray[Any]) -> NDArray[np.float64]:
    """(n_a,) mean kernel of each row of ``A`` with all rows of ``B``; the matrix is never held whole."""
    width = min(len(B), BLOCK_ELEMENTS)
    height = max(1, BLOCK_ELEMENTS // width)
    result = np.zeros(len(A))
    for i in range(0, len(A), height):
        rows = placed(A[i : i + height], float(len(A)) * len(B) * A.shape[1])
        for j in range(0, len(B), width):
            block: Any = kernel(rows, B[j : j + width])
            sums = fetched(block.double().sum(dim=1)) if is_tensor(block) else block.sum(axis=1, dtype=np.float64)
            result[i : i + height] += sums
    return result / len(B)


def pooled_gaussian(
    gamma: float | str, source: NDArray[Any], target: NDArray[Any], *, random_state: int | None = 0
) -> Kernel:
    """The Gaussian kernel; gamma "median" looks at as many source as target rows.

    Args:
        gamma: above 0, or "median".
        source: (n_source, d) rows.
        target: (n_target, d) rows.
        random_state: seed of the draw where there are many rows.

    Raises:
        InputError: gamma is neither.
    """
    rows = np.concatenate([drawn_rows(X, MEDIAN_ROWS // 2, random_state) for X in (source, target)])
    return make_kernel("rbf", gamma, rows)


def drawn_rows(X: NDArray[Any], n: int, random_state: int | None) -> NDArray[Any]:
    """At most ``n`` of the (n_rows, d) rows, drawn without replacement."""
    return X if len(X) <= n else X[np.sort(np.random.default_rng(random_state).permutation(len(X))[:n])]
