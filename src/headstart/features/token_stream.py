"""Texts on their way to a runtime: tokenised many at a time, sorted by length, long ones in several windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.text_file import text_of
from headstart.errors import HeadstartError
from headstart.features.runtimes.runtime import Batch
from headstart.types import TextInput

CHUNK_ROWS = 4096
"""Texts tokenised and sorted together; memory stays flat however many there are."""
MOST_WINDOWS = 64
"""Windows of one text; what comes after them is not read."""
BATCH_TOKENS = 1024
BATCH_WINDOWS = 32
LENGTH_STEP = 8
"""Batches are filled up to a multiple of this, so that a runtime meets few different shapes."""

Window = tuple[int, list[int]]
"""Row number and token ids."""


class TokenStream:
    """Batches of windows; see :class:`~headstart.features.stream.Stream`.

    A text longer than a window is cut into windows of whole tokens; its features are the mean of theirs, each weighing
    as much as it has tokens.

    Args:
        examples: texts, or documents.
        rows: which of them.
        tokenizer: of the backbone, without padding and truncation.
        spec: what the backbone wants.
    """

    def __init__(self, examples: Sequence[Any], rows: Sequence[int], tokenizer: Any, spec: TextInput) -> None:
        self.rows, self.problems = rows, dict[int, str]()
        self._examples, self._tokenizer, self._spec = examples, tokenizer, spec
        self._batches: dict[int, list[tuple[int, int]]] = {}  # number -> (row, tokens) of each window
        self._n_left: dict[int, int] = {}  # row -> windows that have not come back
        self._sums: dict[int, tuple[NDArray[np.float64], int]] = {}

    def __iter__(self) -> Iterator[Batch]:
        number = 0
        chunks = [self.rows[begin : begin + CHUNK_ROWS] for begin in range(0, len(self.rows), CHUNK_ROWS)]
        with ThreadPoolExecutor(1, thread_name_prefix="headstart-tokens") as pool:
            coming = pool.submit(self._windows, chunks[0]) if chunks else None
            for following in [*chunks[1:], None][: len(chunks)]:
                assert coming is not None
                windows = coming.result()
                coming = pool.submit(self._windows, following) if following is not None else None
                for batch in _alike(windows):
                    self._batches[number] = [(row, len(ids)) for row, ids in batch]
                    yield token_batch([ids for _, ids in batch])
                    number += 1

    def finished(self, number: int, features: NDArray[np.float32]) -> list[tuple[int, NDArray[np.float32]]]:
        """The texts of which the last window came back."""
        done = []
        for (row, n_tokens), values in zip(self._batches.pop(number), features, strict=True):
            self._n_left[row] -= 1
            if row in self._sums or self._n_left[row]:
                total, weight = self._sums.get(row, (np.zeros(len(values)), 0))
                self._sums[row] = total + n_tokens * values.astype(np.float64), weight + n_tokens
            if self._n_left[row]:
                continue
            del self._n_left[row]
            if row in self._sums:
                total, weight = self._sums.pop(row)
                values = (total / weight).astype(np.float32)
            done.append((row, self._scaled(values)))
        return done

    def _scaled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._spec.is_normalised:
            return values
        scaled: NDArray[np.float32] = values / np.float32(max(float(np.linalg.norm(values)), 1e-12))
        return scaled

    def _windows(self, rows: Sequence[int]) -> list[Window]:
        """The windows of some texts, the shortest first."""
        texts: list[str] = []
        readable: list[int] = []
        for row in rows:
            try:
                texts.append(text_of(self._examples[row]))
                readable.append(row)
            except HeadstartError as error:
                self.problems[row] = str(error)
        found: list[Window] = []
        for row, encoding in zip(readable, self._tokenizer.encode_batch(texts), strict=True):
            windows = self._cut(encoding.ids, encoding.special_tokens_mask)
            self._n_left[row] = len(windows)
            found += [(row, ids) for ids in windows]
        return sorted(found, key=lambda window: len(window[1]))

    def _cut(self, ids: list[int], is_special: list[int]) -> list[list[int]]:
        most = self._spec.max_tokens
        if len(ids) <= most:
            return [ids]
        first = is_special.index(0) if 0 in is_special else 0
        last = len(is_special) - is_special[::-1].index(0) if 0 in is_special else len(ids)
        head, body, tail = ids[:first], ids[first:last], ids[last:]
        step = most - len(head) - len(tail)
        return [head + body[begin : begin + step] + tail for begin in range(0, len(body), step)][:MOST_WINDOWS]


def token_batch(windows: Sequence[Sequence[int]]) -> Batch:
    """(n, t) int64 ids and mask, filled up with zeros."""
    length = max((len(ids) for ids in windows), default=1)
    length = -(-max(length, 1) // LENGTH_STEP) * LENGTH_STEP
    ids = np.zeros((len(windows), length), dtype=np.int64)
    mask = np.zeros((len(windows), length), dtype=np.int64)
    for place, window in enumerate(windows):
        ids[place, : len(window)] = window
        mask[place, : len(window)] = 1
    return ids, mask


def _alike(windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
    """Windows of like length, as many as fit into a batch; the longest first, so that memory is asked for early."""
    end = len(windows)
    while end:
        length = -(-len(windows[end - 1][1]) // LENGTH_STEP) * LENGTH_STEP
        begin = max(0, end - max(1, min(BATCH_WINDOWS, BATCH_TOKENS // max(1, length))))
        yield windows[begin:end]
        end = begin
