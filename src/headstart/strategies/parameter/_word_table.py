"""The vectors of single words from a backbone of word vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.registry import open_backbone
from headstart.errors import InputError

_PROVIDERS = ("word_vectors", "own_word_vectors")


def vectors_of(embedding: str, words: Sequence[str]) -> NDArray[np.float32]:
    """(n, dim) vectors of n words; zeros where the word is unknown.

    Args:
        embedding: ``glove_50d``, or the folder of vectors trained on one's own texts.
        words: as ``word_tokens`` gives them.

    Raises:
        InputError: the name is that of another kind of backbone.
    """
    backbone = open_backbone(embedding)
    if backbone.card.provider not in _PROVIDERS:
        raise InputError(
            f"TextLSTM needs word vectors as embedding, got {embedding!r}. Take 'glove_50d' or a folder of own vectors."
        )
    half = backbone.card.dim // 2
    return np.ascontiguousarray(backbone.encode(words)[:, :half])  # the mean over one word is its vector
