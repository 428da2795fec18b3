"""Examples of differing length on their way to a runtime: in windows, those of like length together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.runtimes.runtime import Batch


@dataclass(frozen=True, eq=False)
class Window:
    """A piece of an example that goes through the backbone at once.

    Args:
        row: row number of the example.
        weight: what it counts in the mean over the example's windows: its tokens, or its frames.
        content: what the batch is made of.
    """

    row: int
    weight: int
    content: Any


class WindowStream:
    """Batches of windows; see :class:`~headstart.features.stream.Stream`. Base of the streams of one modality.

    An example longer than a window gets the mean of its windows' features, each weighing as much as it holds.

    Args:
        examples: raw examples.
        rows: which of them.
        is_normalised: whether the features of an example are scaled to length 1.
    """

    chunk_rows = 4096
    """Examples prepared and sorted together; memory stays flat however many there are."""

    def __init__(self, examples: Sequence[Any], rows: Sequence[int], *, is_normalised: bool = False) -> None:
        self.rows, self.problems = rows, dict[int, str]()
        self._examples, self._is_normalised = examples, is_normalised
        self._batches: dict[int, Sequence[Window]] = {}
        self._n_left: dict[int, int] = {}  # row -> windows that have not come back
        self._sums: dict[int, tuple[NDArray[np.float64], int]] = {}

    def prepare(self, rows: Sequence[int]) -> list[Window]:
        """The windows of some examples, the shortest first; unreadable ones go to ``problems``."""
        raise NotImplementedError

    def batches(self, windows: list[Window]) -> Iterator[Sequence[Window]]:
        """Windows of like length, as many as fit into a batch."""
        raise NotImplementedError

    def arrays(self, windows: Sequence[Window]) -> Batch:
        """What the module takes."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Batch]:
        number = 0
        starts = range(0, len(self.rows), self.chunk_rows)
        chunks = [self.rows[begin : begin + self.chunk_rows] for begin in starts]
        with ThreadPoolExecutor(1, thread_name_prefix="headstart-windows") as pool:
            coming = [pool.submit(self.prepare, chunk) for chunk in chunks[:1]]
            for following in range(1, len(chunks) + 1):
                windows = coming.pop().result()
                coming = [pool.submit(self.prepare, chunk) for chunk in chunks[following : following + 1]]
                for window in windows:
                    self._n_left[window.row] = self._n_left.get(window.row, 0) + 1
                for batch in self.batches(windows):
                    self._batches[number] = batch
                    yield self.arrays(batch)
                    number += 1

    def finished(self, number: int, features: NDArray[np.float32]) -> list[tuple[int, NDArray[np.float32]]]:
        """The examples of which the last window came back."""
        done = []
        for window, values in zip(self._batches.pop(number), features, strict=False):  # batches may be filled up
            row = window.row
            self._n_left[row] -= 1
            if row in self._sums or self._n_left[row]:
                total, weight = self._sums.get(row, (np.zeros(len(values)), 0))
                self._sums[row] = total + window.weight * values.astype(np.float64), weight + window.weight
            if self._n_left[row]:
                continue
            del self._n_left[row]
            if row in self._sums:
                total, weight = self._sums.pop(row)
                values = (total / weight).astype(np.float32)
            done.append((row, self._scaled(values)))
        return done

    def _scaled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._is_normalised:
            return values
        scaled: NDArray[np.float32] = values / np.float32(max(float(np.linalg.norm(values)), 1e-12))
        return scaled
