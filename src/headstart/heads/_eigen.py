"""Eigen-decomposition of symmetric matrices."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores


def symmetric_eigen(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ascending eigenvalues (d,) and eigenvectors (d, d) of a symmetric matrix, on one thread.

    Its many small steps lose more by handing work between two threads than they gain: measured on two cores, three
    times faster on one for d = 1,280.
    """
    return symmetric_eigens([matrix])[0]


def symmetric_eigens(matrices: Sequence[NDArray[Any]]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """:func:`symmetric_eigen` of several matrices, one on each core at a time."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # for the whole process: set once, outside the threads
        if len(matrices) == 1:
            return [_eigen(matrices[0])]
        with ThreadPoolExecutor(min(len(matrices), n_cores())) as pool:
            return list(pool.map(_eigen, matrices))


def _eigen(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    values, vectors = np.linalg.eigh(matrix)
    return values, vectors
