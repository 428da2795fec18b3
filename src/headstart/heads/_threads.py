"""How many threads trees are grown with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from numpy.typing import NDArray

FEW_CELLS = 1_000_000
"""Below so many numbers one thread is as fast as several, and does not wait for others on a busy machine."""


def threads_for(rows: NDArray[Any]) -> AbstractContextManager[Any]:
    """One thread of OpenMP for little work, as many as there are for much."""
    from threadpoolctl import threadpool_limits

    n_threads = 1 if rows.size < FEW_CELLS else None
    limits: AbstractContextManager[Any] = threadpool_limits(limits=n_threads, user_api="openmp")
    return limits
