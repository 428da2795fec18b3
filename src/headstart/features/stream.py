"""Examples on their way to a runtime: opened in threads, a few batches ahead, with memory that does not grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.errors import HeadstartError
from headstart.features.runtimes.runtime import Batch

Load = Callable[[int], NDArray[Any]]


class Stream(Protocol):
    """Batches for a runtime, and what their rows of features mean.

    Attributes:
        rows: row numbers that are asked for.
        problems: row number -> reason, for rows that could not be had.
    """

    rows: Sequence[int]
    problems: dict[int, str]

    def __iter__(self) -> Iterator[Batch]:
        """The batches, in order."""
        ...

    def finished(self, number: int, features: NDArray[np.float32]) -> list[tuple[int, NDArray[np.float32]]]:
        """The rows that are done with the ``features`` of batch ``number``, each with its own features."""
        ...


@dataclass
class BatchStream:
    """Iterates over batches of one fixed size; the last one is filled up with zeros.

    Args:
        rows: row numbers to load, in order.
        load: row number -> array of the one fixed shape; raises HeadstartError for a row that cannot be had.
        shape: shape of one loaded row.
        dtype: its type.
        batch_size: rows of a batch.
        n_threads: threads that load; default: one a core.

    Attributes:
        problems: row number -> reason, for rows that could not be had (their places hold zeros).
    """

    rows: Sequence[int]
    load: Load
    shape: tuple[int, ...]
    dtype: Any
    batch_size: int
    n_threads: int = field(default_factory=n_cores)
    problems: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def batch_rows(self, number: int) -> Sequence[int]:
        """Row numbers of batch ``number``."""
        return self.rows[number * self.batch_size : (number + 1) * self.batch_size]

    def finished(self, number: int, features: NDArray[np.float32]) -> list[tuple[int, NDArray[np.float32]]]:
        """The rows of batch ``number`` that could be had, each with its features."""
        rows = self.batch_rows(number)
        return [(row, features[place]) for place, row in enumerate(rows) if row not in self.problems]

    def __iter__(self) -> Iterator[Batch]:
        ahead = 2 * self.n_threads + 2
        pool = ThreadPoolExecutor(self.n_threads, thread_name_prefix="headstart-decode")
        waiting: deque[Future[NDArray[Any]]] = deque()
        try:
            for number in range(len(self)):
                waiting.append(pool.submit(self._load_batch, number))
                if len(waiting) > ahead:
                    yield (waiting.popleft().result(),)
            while waiting:
                yield (waiting.popleft().result(),)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _load_batch(self, number: int) -> NDArray[Any]:
        batch = np.full((self.batch_size, *self.shape), None if self.dtype is object else 0, dtype=self.dtype)
        for place, row in enumerate(self.batch_rows(number)):
            try:
                batch[place, ...] = self.load(row)
            except HeadstartError as error:
                self.problems[row] = str(error)
        return batch
