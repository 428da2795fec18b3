"""Word vectors trained on one's own texts, on the spot or earlier into a local folder, averaged over a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._char_ngrams import char_ngrams
from headstart.backbones._local_folder import read_config
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.backbones._word_tokens import word_tokens
from headstart.errors import InputError, IntegrityError
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

_KINDS = ("word2vec", "fasttext")
_VECTORS, _WORDS, _CONFIG = "vectors.safetensors", "words.json", "config.json"


def cards() -> list[BackboneCard]:
    """Vectors that are still to be learnt from the texts at hand."""
    return [
        BackboneCard(
            name=f"own_{kind}",
            modality="text",
            dim=0,
            provider="own_word_vectors",
            licence="Apache-2.0",
            commercial=True,
            pretraining="none",
            parameters=0,
            extra="text",
            input=None,
            weights="learnt",
        )
        for kind in _KINDS
    ]


def learn(card: BackboneCard, examples: Sequence[Any]) -> dict[str, bytes]:
    """What :func:`from_files` needs, trained on texts without their labels.

    Args:
        card: which kind of vectors.
        examples: raw texts or documents.
    """
    from headstart.backbones._word_vectors.train import train_word_vectors
    from headstart.data.modalities.modality import get_modality

    open_example = get_modality("text").open_example
    texts = [open_example(example) for example in examples]
    return train_word_vectors(texts, kind=card.name.removeprefix("own_")).files()


def from_files(files: Mapping[str, bytes]) -> Backbone:
    """The backbone that was learnt.

    Raises:
        IntegrityError: the files are damaged or do not fit each other.
    """
    from headstart.backbones.backbone import Backbone

    config = json.loads(files[_CONFIG])
    table = _checked_table("Word vectors", config, files[_WORDS].decode(), files[_VECTORS])
    digests = [sha256(files[name]).hexdigest() for name in (_VECTORS, _WORDS, _CONFIG)]
    (card,) = [card for card in cards() if card.name == f"own_{config['kind']}"]
    card = replace(card, dim=2 * config["dim"], weights_id=_weights_id(digests))
    return Backbone(card, _Learnt(table, dict(files)))


class _Learnt:
    """The provider of vectors that were learnt on the spot."""

    def __init__(self, table: _Table, files: dict[str, bytes]) -> None:
        self._table, self._files = table, files

    def cards(self) -> list[BackboneCard]:
        """None: what was learnt has no public name."""
        return []

    def encode(self, card: BackboneCard, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) features of n strings."""
        return _features(self._table, card.dim, texts)

    def saved_files(self, card: BackboneCard) -> dict[str, bytes]:
        """What a bundle keeps."""
        return self._files


def find(name: str) -> BackboneCard | None:
    """The card of a folder that ``headstart.backbones._word_vectors.train`` wrote; None for others.

    Raises:
        InputError: the folder's configuration makes no sense, or a file is missing.
    """
    folder = Path(name).expanduser()
    config = read_config(folder) if folder.is_dir() else None
    if config is None or config.get("library") != "headstart" or config.get("kind") not in _KINDS:
        return None
    folder, who = folder.resolve(), f"Backbone {name!r}"
    dim = config.get("dim")
    is_complete = all((folder / file).is_file() for file in (_VECTORS, _WORDS))
    if not isinstance(dim, int) or not 0 < dim < 1 << 16 or not is_complete:
        raise InputError(f"{who} needs dim, {_VECTORS} and {_WORDS}, got dim {dim!r}. Train the vectors again.")
    digests = [sha256_of(folder / file) for file in (_VECTORS, _WORDS, "config.json")]
    return BackboneCard(
        name=str(folder),
        modality="text",
        dim=2 * dim,
        provider="own_word_vectors",
        pretraining=f"{config['kind']} on {config.get('n_texts', 'an unknown number of')} texts of one's own",
        sha256=digests[0],
        size_bytes=(folder / _VECTORS).stat().st_size,
        extra="text",
        revision="local",
        input=None,
        weights_id=_weights_id(digests),
    )


def encode(card: BackboneCard, texts: Sequence[str]) -> NDArray[np.float32]:
    """Mean and largest value of the vectors of a text's words, side by side; zeros where none is known.

    With FastText a word without a vector gets the mean of those of its character n-grams that were seen in training.

    Args:
        card: as :func:`find` gives it.
        texts: n strings.

    Returns:
        (n, 2 * dim of the vectors) float32.

    Raises:
        IntegrityError: the folder's files are damaged or do not fit each other.

    Source: mean and maximum: Shen et al., Baseline needs more love, ACL 2018.
    """
    return _features(_table(card.name, card.weights_id), card.dim, texts)


def _weights_id(digests: Sequence[str]) -> str:
    return ":".join([digests[0], digests[1][:12], digests[2][:12], "mean+max"])


def _features(table: _Table, dim: int, texts: Sequence[str]) -> NDArray[np.float32]:
    half = dim // 2
    features = np.zeros((len(texts), dim), dtype=np.float32)
    for row, text in enumerate(texts):
        found = [vector for word in word_tokens(text) if (vector := table.vector(word)) is not None]
        if found:
            features[row, :half], features[row, half:] = np.mean(found, axis=0), np.max(found, axis=0)
    return features


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The vectors; none while they are still to be learnt."""
    if card.weights == "learnt":
        return []
    return [WeightFile(Path(card.name) / _VECTORS, card.sha256, card.size_bytes)]


class _Table:
    """The words of a folder and their vectors."""

    def __init__(self, config: Mapping[str, Any], words: Sequence[str], tensors: Mapping[str, NDArray[Any]]) -> None:
        self._place = {word: row for row, word in enumerate(words)}
        self._words, self._ngrams, self._buckets = tensors["words"], tensors["ngrams"], tensors["buckets"]
        self._sizes = {name: int(config[name]) for name in ("min_n", "max_n", "n_buckets")}
        if self._words.shape != (len(words), config["dim"]) or len(self._ngrams) != len(self._buckets):
            raise ValueError("sizes differ")

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """The vector of a word; None where nothing of it is known."""
        row = self._place.get(word)
        if row is not None:
            known: NDArray[np.float32] = self._words[row]
            return known
        if not len(self._buckets):
            return None
        wanted = np.unique(char_ngrams(word, **self._sizes)).astype(np.int64)
        places = np.minimum(np.searchsorted(self._buckets, wanted), len(self._buckets) - 1)
        places = places[self._buckets[places] == wanted]
        return np.asarray(self._ngrams[places].mean(axis=0)) if len(places) else None


@lru_cache(maxsize=4)
def _table(folder: str, weights_id: str) -> _Table:
    path, who = Path(folder), f"Backbone {folder!r}"
    WeightFile(path / _VECTORS, weights_id.partition(":")[0]).check(who)
    words = (path / _WORDS).read_text(encoding="utf-8", errors="replace")
    return _checked_table(who, read_config(path) or {}, words, (path / _VECTORS).read_bytes())


def _checked_table(who: str, config: Mapping[str, Any], words: str, vectors: bytes) -> _Table:
    from safetensors.numpy import load

    try:
        return _Table(config, json.loads(words), load(vectors))
    except Exception as error:  # a border: damaged files raise many kinds
        raise IntegrityError(f"{who} needs whole files, got damaged ones. Train the vectors again.") from error
