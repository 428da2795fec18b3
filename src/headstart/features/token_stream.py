"""Texts on their way to a runtime: tokenised many at a time, sorted by length, long ones in several windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from headstart.data.text_file import text_of
from headstart.errors import HeadstartError
from headstart.features.runtimes.runtime import Batch
from headstart.features.window_stream import Window, WindowStream
from headstart.types import TextInput

MOST_WINDOWS = 64
"""Windows of one text; what comes after them is not read."""
BATCH_TOKENS = 1024
BATCH_WINDOWS = 32
LENGTH_STEP = 8
"""Batches are filled up to a multiple of this, so that a runtime meets few different shapes."""


class TokenStream(WindowStream):
    """Windows of whole tokens.

    Args:
        examples: texts, or documents.
        rows: which of them.
        tokenizer: of the backbone, without padding and truncation.
        spec: what the backbone wants.
    """

    def __init__(self, examples: Sequence[Any], rows: Sequence[int], tokenizer: Any, spec: TextInput) -> None:
        super().__init__(examples, rows, is_normalised=spec.is_normalised)
        self._tokenizer, self._spec = tokenizer, spec

    def prepare(self, rows: Sequence[int]) -> list[Window]:
        """The windows of some texts, the shortest first."""
        texts: list[str] = []
        readable: list[int] = []
        for row in rows:
            try:
                texts.append(text_of(self._examples[row]))
                readable.append(row)
            except HeadstartError as error:
                self.problems[row] = str(error)
        found = [
            Window(row, len(ids), ids)
            for row, encoding in zip(readable, self._tokenizer.encode_batch(texts), strict=True)
            for ids in self._cut(encoding.ids, encoding.special_tokens_mask)
        ]
        return sorted(found, key=lambda window: window.weight)

    def batches(self, windows: list[Window]) -> Iterator[Sequence[Window]]:
        """The longest first, so that memory is asked for early."""
        end = len(windows)
        while end:
            length = -(-windows[end - 1].weight // LENGTH_STEP) * LENGTH_STEP
            begin = max(0, end - max(1, min(BATCH_WINDOWS, BATCH_TOKENS // max(1, length))))
            yield windows[begin:end]
            end = begin

    def arrays(self, windows: Sequence[Window]) -> Batch:
        """Ids and mask."""
        return token_batch([window.content for window in windows])

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
