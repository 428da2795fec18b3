"""Words as rows of a table of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

PADDING, UNKNOWN, N_SPECIAL = 0, 1, 2
"""Row of what stands behind a text's end, row of a word without a vector, and the row of the first word."""


@final
class WordIds:
    """Looks words up.

    Args:
        words: different ones; the first has row :data:`N_SPECIAL`.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self._row = {word: row for row, word in enumerate(self.words, start=N_SPECIAL)}

    def rows(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """(t,) rows of a text; a text without a word is one unknown word."""
        return np.array([self._row.get(token, UNKNOWN) for token in tokens] or [UNKNOWN], dtype=np.int64)

    def unknown(self, texts: Iterable[Sequence[str]]) -> list[str]:
        """The words of the texts that have no row, sorted."""
        return sorted({token for text in texts for token in text} - self._row.keys())


def padded(texts: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(b, t) rows, filled up with :data:`PADDING`, and (b,) lengths."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    result = np.full((len(texts), int(lengths.max())), PADDING, dtype=np.int64)
    for place, text in enumerate(texts):
        result[place, : len(text)] = text
    return result, lengths
