"""Word vectors trained on the user's own texts: Word2Vec and FastText."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._char_ngrams import char_ngrams
from headstart.backbones._word_tokens import word_tokens
from headstart.backbones._word_vectors.skip_gram import SkipGram
from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.types import Progress, silent
from headstart.whole_file import write_whole

KINDS = ("word2vec", "fasttext")
"""Whole words, or words with their character n-grams, which also give unknown words a vector."""


@final
@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors.

    Args:
        kind: one of :data:`KINDS`.
        words: n words, the most frequent first.
        vectors: (n, dim) float32.
        buckets: (m,) sorted places of the n-grams that were seen; empty for Word2Vec.
        ngrams: (m, dim) float32, their vectors.
        settings: what they were trained with.
    """

    kind: str
    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    buckets: NDArray[np.int64]
    ngrams: NDArray[np.float32]
    settings: dict[str, Any]

    def save(self, folder: Path | str) -> Path:
        """Write a folder that :func:`headstart.backbones.registry.open_backbone` opens.

        Raises:
            StorageError: the disk is full or may not be written.
        """
        folder = Path(folder)
        for name, content in self.files().items():
            write_whole(folder / name, content)
        return folder

    def files(self) -> dict[str, bytes]:
        """What :meth:`save` writes: name -> content."""
        from safetensors.numpy import save

        tensors = {"words": self.vectors, "buckets": self.buckets, "ngrams": self.ngrams}
        config = {"library": "headstart", "kind": self.kind, "dim": int(self.vectors.shape[1]), **self.settings}
        return {
            "vectors.safetensors": save({k: np.ascontiguousarray(v) for k, v in tensors.items()}),
            "words.json": json.dumps(self.words, ensure_ascii=False).encode(),
            "config.json": json.dumps(config, indent=1).encode(),
        }


def train_word_vectors(
    texts: Sequence[str],
    *,
    kind: str = "word2vec",
    skip_gram: SkipGram | None = None,
    min_count: int = 2,
    min_n: int = 3,
    max_n: int = 6,
    n_buckets: int = 1 << 20,
    deadline: Deadline | None = None,
    progress: Progress = silent,
) -> WordVectors:
    """Learn word vectors from texts, which need no labels.

    Args:
        texts: n strings, such as the source's and the target's unlabelled ones.
        kind: one of :data:`KINDS`.
        skip_gram: width, window, epochs, seed.
        min_count: rarer words get no vector of their own.
        min_n: least characters of an n-gram.
        max_n: most characters of an n-gram.
        n_buckets: places that the n-grams share by their hash.
        deadline: training stops at it.
        progress: is told the blocks of text.

    Raises:
        InputError: a setting makes no sense, or no word is frequent enough.
    """
    skip_gram = skip_gram or SkipGram()
    _check(kind, min_count, min_n, max_n, n_buckets)
    tokens = [word_tokens(text) for text in texts]
    words = _vocabulary(tokens, min_count)
    if not words:
        raise InputError(
            f"train_word_vectors needs words that occur at least {min_count} times, got none in {len(tokens)} texts. "
            "Give more texts or lower min_count."
        )
    place = {word: row for row, word in enumerate(words)}
    rows = [np.array([place[token] for token in text if token in place], dtype=np.int64) for text in tokens]
    sizes = {"min_n": min_n, "max_n": max_n, "n_buckets": n_buckets}
    pieces = [char_ngrams(word, **sizes) if kind == "fasttext" else [] for word in words]
    buckets = np.unique(np.concatenate([np.array(found, dtype=np.int64) for found in pieces]))
    parts = _parts(pieces, buckets)
    found, _ = skip_gram.fit(rows, parts, deadline=deadline, progress=progress)
    settings = {**sizes, "min_count": min_count, "n_texts": len(tokens), "skip_gram": asdict(skip_gram)}
    return WordVectors(kind, tuple(words), parts @ found, buckets, found[len(words) :], settings)


def _vocabulary(tokens: list[list[str]], min_count: int) -> list[str]:
    counts = Counter(token for text in tokens for token in text)
    return sorted((word for word, n in counts.items() if n >= min_count), key=lambda word: (-counts[word], word))


def _parts(pieces: list[list[int]], buckets: NDArray[np.int64]) -> Any:
    """Sparse (n_words, n_words + n_buckets_seen): each word is the mean of itself and its n-grams."""
    from scipy.sparse import csr_array

    n = len(pieces)
    columns = [np.r_[row, n + np.searchsorted(buckets, np.unique(found))] for row, found in enumerate(pieces)]
    ends = np.cumsum([0, *(len(found) for found in columns)])
    shares = np.concatenate([np.full(len(found), 1 / len(found), dtype=np.float32) for found in columns])
    return csr_array((shares, np.concatenate(columns).astype(np.int64), ends), shape=(n, n + len(buckets)))


def _check(kind: str, min_count: int, min_n: int, max_n: int, n_buckets: int) -> None:
    wanted = {
        f"kind {' or '.join(KINDS)}, got {kind!r}": kind in KINDS,
        f"min_count of at least 1, got {min_count}": min_count >= 1,
        f"1 <= min_n <= max_n, got {min_n} and {max_n}": 1 <= min_n <= max_n,
        f"n_buckets of at least 1, got {n_buckets}": n_buckets >= 1,
    }
    wrong = [said for said, is_met in wanted.items() if not is_met]
    if wrong:
        raise InputError(f"train_word_vectors needs {'; '.join(wrong)}. Correct them.")
