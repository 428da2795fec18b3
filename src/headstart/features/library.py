"""The features of one data set by many backbones, each encoded once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.backbones.registry import open_backbone
from headstart.data.modalities.mixed import part_digest
from headstart.features.encoder import Encoder
from headstart.features.encoding import Encoded
from headstart.features.parts import placed, with_part
from headstart.types import Dataset, Decide, Progress, decide_now, silent


class FeatureLibrary:
    """Encodes a data set on demand. Of mixed examples each backbone encodes the part it is for.

    Args:
        dataset: readable examples.
        digests: (n,) their content digests.
        learn_rows: rows that backbones may learn from that are learnt from examples without labels; default: all.
        precision: as :class:`Encoder` takes it.
        cache: as :class:`Encoder` takes it.
        decide: (name, how to choose) -> a choice that hangs on time: made now, or replayed from an earlier attempt.
        progress: told of rows done.
    """

    def __init__(
        self,
        dataset: Dataset,
        digests: Sequence[bytes],
        *,
        learn_rows: Any = None,
        precision: str = "exact",
        cache: bool | str | Path = True,
        decide: Decide = decide_now,
        progress: Progress = silent,
    ) -> None:
        self._dataset, self._digests = dataset, list(digests)
        self._learn_rows = range(len(dataset)) if learn_rows is None else learn_rows
        self._precision, self.cache = precision, cache
        self._decide, self._progress = decide, progress
        self._backbones: dict[str, Backbone] = {}
        self._encoded: dict[str, Encoded] = {}
        self.seconds: dict[str, float] = {}

    def backbone(self, name: str) -> Backbone:
        """The backbone ``name``, as learnt from the data where it has to be."""
        if name not in self._backbones:
            backbone = open_backbone(name)
            if backbone.is_to_be_learnt:
                examples = [self._dataset.inputs[row] for row in self._learn_rows]
                if self._is_mixed:
                    part = backbone.card.modality
                    examples = [example[part] for example in examples if example[part] is not None]
                backbone = backbone.learn(examples)
            self._backbones[name] = backbone
        return self._backbones[name]

    def encoded(self, name: str) -> Encoded:
        """Features of every row by one backbone."""
        if name not in self._encoded:
            begin = time.perf_counter()
            encoder = Encoder(self.backbone(name), precision=self._precision, cache=self.cache)
            self._encoded[name] = self._encode_part(encoder, name) if self._is_mixed else self._encode(encoder)
            self.seconds[name] = time.perf_counter() - begin
        return self._encoded[name]

    def features(self, backbones: Sequence[str], rows: Any = None) -> NDArray[np.float32]:
        """(n, sum of dims) features of several backbones side by side, for ``rows`` or for all."""
        parts = [self.encoded(name).features for name in backbones]
        if rows is not None:
            parts = [part[rows] for part in parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    @property
    def modality(self) -> str:
        """The kind of example."""
        return self._dataset.modality

    def examples(self, rows: Any) -> NDArray[Any]:
        """(n,) raw examples."""
        found = np.empty(len(rows), dtype=object)
        found[:] = [self._dataset.inputs[row] for row in rows]
        return found

    def widths(self, backbones: Sequence[str]) -> tuple[int, ...]:
        """How many features each has; of one with several steps in order of time, how many each step has."""
        found: list[int] = []
        for name in backbones:
            steps = self.backbone(name).card.steps
            found += [int(self.encoded(name).features.shape[1]) // steps] * steps
        return tuple(found)

    @property
    def _is_mixed(self) -> bool:
        return self._dataset.modality == "mixed"

    def _encode(self, encoder: Encoder) -> Encoded:
        return encoder.encode(self._dataset.inputs, digests=self._digests, decide=self._decide, progress=self._progress)

    def _encode_part(self, encoder: Encoder, name: str) -> Encoded:
        part = self.backbone(name).card.modality
        rows = with_part(self._dataset.inputs, part)
        found = encoder.encode(
            [self._dataset.inputs[row][part] for row in rows],
            digests=[part_digest(self._digests[row], self._dataset.inputs[row], part) for row in rows],
            decide=self._decide,
            progress=self._progress,
        )
        return replace(found, features=placed(found.features, rows, len(self._dataset)))
