"""Counts of words and word pairs: the cheap classic that a pretrained text encoder must beat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from headstart.types import BackboneCard

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DIM = 1 << 20
"""Columns; different n-grams share one so rarely that it does not show."""

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|[!?]+")
_CARD = BackboneCard(
    name="word_ngrams",
    modality="text",
    dim=DIM,
    provider="word_ngrams",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights_id="word_ngrams:1",
)

IS_SPARSE = True
"""``encode`` gives a sparse matrix, which is made anew instead of being kept in the cache."""


def cards() -> list[BackboneCard]:
    """The n-gram counts."""
    return [_CARD]


def encode(card: BackboneCard, texts: Sequence[str]) -> csr_array[Any]:
    """How often each word and each pair of neighbours occurs; a character of a script without spaces is a word.

    Which column an n-gram has is decided by its hash, so nothing is learnt from the data and any two texts compare.

    Args:
        card: the card of ``word_ngrams``.
        texts: n strings.

    Returns:
        (n, 2**20) float32 counts in compressed rows.

    Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009.
    """
    from scipy.sparse import csr_array

    columns: list[int] = []
    counts: list[int] = []
    ends = [0]
    for text in texts:
        found = Counter(_columns(text))
        columns += sorted(found)
        counts += [found[column] for column in sorted(found)]
        ends.append(len(columns))
    parts = np.array(counts, dtype=np.float32), np.array(columns, dtype=np.int32), np.array(ends, dtype=np.int64)
    return csr_array(parts, shape=(len(texts), card.dim))


def _columns(text: str) -> Iterator[int]:
    before = ""
    for word in _TOKEN.findall(text.casefold()):
        yield crc32(word.encode()) % DIM
        if before:
            yield crc32(f"{before} {word}".encode()) % DIM
        before = word
