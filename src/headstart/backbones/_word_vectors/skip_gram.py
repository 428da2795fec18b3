"""Skip-gram with negative sampling: words are told apart by their neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.deadline import Deadline
from headstart.types import Progress, silent

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

BLOCK_TOKENS = 20_000
"""Tokens whose pairs are made at once."""


@final
@dataclass(frozen=True)
class SkipGram:
    """Vectors such that ``sigmoid(u_context . v_centre)`` tells true neighbours from words drawn at random.

    The vector v of a word is the mean of its parts (the word alone for Word2Vec, with its character n-grams for
    FastText). Steps are those of Adagrad, one rate a row, on sums over a batch of pairs.

    Args:
        dim: numbers of a vector.
        window: most words between centre and context; each centre draws its own from 1 to this.
        negatives: words drawn for each pair, by their frequency to the power of 0.75.
        epochs: passes over the text.
        learning_rate: first rate, which falls linearly to a tenth.
        sample: words more frequent than about this are left out at random; 0 keeps all.
        batch: pairs of a step.
        random_state: the seed.

    Source: Mikolov et al., Distributed representations of words and phrases, NeurIPS 2013; Duchi, Hazan and Singer,
    Adaptive subgradient methods, JMLR 12 (2011).
    """

    dim: int = 100
    window: int = 5
    negatives: int = 5
    epochs: int = 5
    learning_rate: float = 0.05
    sample: float = 1e-3
    batch: int = 1024
    random_state: int = 0

    def fit(
        self,
        texts: list[Rows],
        parts: Any,
        *,
        deadline: Deadline | None = None,
        progress: Progress = silent,
    ) -> tuple[Vectors, Vectors]:
        """Learn from texts.

        Args:
            texts: the known words of each text, as row numbers of ``parts``.
            parts: sparse (n_words, n_parts), rows summing to 1: what each word consists of.
            deadline: nothing is begun after it.
            progress: is told the blocks of text.

        Returns:
            (n_parts, dim) vectors of the parts, and (n_words, dim) vectors of the words as contexts.
        """
        draw = np.random.default_rng(self.random_state)
        n_words, n_parts = parts.shape
        words = np.concatenate(texts) if texts else np.empty(0, np.int64)
        counts = np.bincount(words, minlength=n_words)
        vectors = ((draw.random((n_parts, self.dim)) - 0.5) / self.dim).astype(np.float32)
        contexts = np.zeros((n_words, self.dim), dtype=np.float32)
        seen = np.zeros(n_parts, np.float32), np.zeros(n_words, np.float32)
        chance = np.cumsum(counts**0.75) / max(1.0, float((counts**0.75).sum()))
        blocks = _blocks(texts)
        n_blocks, deadline = self.epochs * len(blocks), deadline or Deadline()
        for number in range(n_blocks):
            if deadline.is_over:
                break
            rate = np.float32(self.learning_rate * (1 - 0.9 * number / n_blocks))
            for centre, context in self._pairs(blocks[number % len(blocks)], counts, draw):
                drawn = np.searchsorted(chance, draw.random((len(centre), self.negatives)))
                targets = np.hstack([context[:, None], np.minimum(drawn, n_words - 1)])  # (b, 1 + negatives)
                _step(vectors, contexts, parts[centre], targets, seen, rate)
            progress("word vectors", number + 1, n_blocks)
        return vectors, contexts

    def _pairs(self, texts: list[Rows], counts: Rows, draw: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """(b,) centres and (b,) contexts, mixed."""
        words = np.concatenate(texts)
        place = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        if self.sample:
            share = counts[words] / max(1, counts.sum())
            is_kept = draw.random(len(words)) < np.sqrt(self.sample / share) + self.sample / share
            words, place = words[is_kept], place[is_kept]
        reach = draw.integers(1, self.window + 1, len(words))
        centres, contexts = [], []
        for distance in range(1, self.window + 1):
            is_same = place[distance:] == place[:-distance]
            before, after = words[:-distance], words[distance:]
            for centre, context, near in ((before, after, reach[:-distance]), (after, before, reach[distance:])):
                is_pair = is_same & (near >= distance)
                centres.append(centre[is_pair])
                contexts.append(context[is_pair])
        centre, context = np.concatenate(centres), np.concatenate(contexts)
        order = draw.permutation(len(centre))
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            yield centre[rows], context[rows]


def pair_gradients(centre: Vectors, target: Vectors) -> tuple[Vectors, Vectors, float]:
    """Gradients of ``-log s(u_0 . v) - sum_k log s(-u_k . v)``, summed over the pairs.

    Args:
        centre: (b, dim) vectors v.
        target: (b, 1 + negatives, dim) vectors u, the true context first.

    Returns:
        (b, dim) for ``centre``, (b, 1 + negatives, dim) for ``target``, and the loss.
    """
    scores = np.einsum("bd,bkd->bk", centre, target)  # (b, 1 + negatives)
    scores[:, 0] *= -1
    slope = 0.5 * (1 + np.tanh(0.5 * scores))
    loss = float(np.logaddexp(0, scores).sum())
    slope[:, 0] *= -1
    return np.einsum("bk,bkd->bd", slope, target), slope[:, :, None] * centre[:, None, :], loss


def _step(
    vectors: Vectors, contexts: Vectors, parts: Any, targets: Rows, seen: tuple[Vectors, Vectors], rate: np.float32
) -> None:
    """One step on all parts and contexts of a batch, in place."""
    used, place = np.unique(parts.indices, return_inverse=True)
    share = type(parts)((parts.data, place, parts.indptr), shape=(parts.shape[0], len(used)))  # (b, n_used)
    to_centre, to_target, _ = pair_gradients(share @ vectors[used], contexts[targets])
    _adagrad(vectors, used, share.T @ to_centre, seen[0], rate)
    rows, place = np.unique(targets, return_inverse=True)
    flat = to_target.reshape(-1, to_target.shape[2])
    places = place.ravel(), np.arange(len(flat) + 1)
    each = type(parts)((np.ones(len(flat), np.float32), *places), shape=(len(flat), len(rows)))
    _adagrad(contexts, rows, each.T @ flat, seen[1], rate)


def _adagrad(vectors: Vectors, rows: Rows, gradient: Vectors, seen: Vectors, rate: np.float32) -> None:
    seen[rows] += np.square(gradient).mean(axis=1)
    vectors[rows] -= rate * gradient / np.sqrt(seen[rows] + np.float32(1e-8))[:, None]


def _blocks(texts: list[Rows]) -> list[list[Rows]]:
    """Texts in blocks of about :data:`BLOCK_TOKENS` words; those of fewer than two words have no pairs."""
    blocks: list[list[Rows]] = []
    size = BLOCK_TOKENS
    for text in texts:
        if len(text) < 2:
            continue
        if size >= BLOCK_TOKENS:
            blocks.append([])
            size = 0
        blocks[-1].append(text)
        size += len(text)
    return blocks
