"""The features of one data set by many backbones, each encoded once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.encoder import Encoder
from headstart.features.encoding import Encoded
from headstart.types import Dataset, Decide, Progress, decide_now, silent


class FeatureLibrary:
    """Encodes a data set on demand.

    Args:
        dataset: readable examples.
        digests: (n,) their content digests.
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
        precision: str = "exact",
        cache: bool | str | Path = True,
        decide: Decide = decide_now,
        progress: Progress = silent,
    ) -> None:
        self._dataset, self._digests = dataset, list(digests)
        self._precision, self._cache = precision, cache
        self._decide, self._progress = decide, progress
        self._encoded: dict[str, Encoded] = {}
        self.seconds: dict[str, float] = {}

    def encoded(self, backbone: str) -> Encoded:
        """Features of every row by one backbone."""
        if backbone not in self._encoded:
            begin = time.perf_counter()
            encoder = Encoder(backbone, precision=self._precision, cache=self._cache)
            self._encoded[backbone] = encoder.encode(
                self._dataset.inputs, digests=self._digests, decide=self._decide, progress=self._progress
            )
            self.seconds[backbone] = time.perf_counter() - begin
        return self._encoded[backbone]

    def features(self, backbones: Sequence[str], rows: Any = None) -> NDArray[np.float32]:
        """(n, sum of dims) features of several backbones side by side, for ``rows`` or for all."""
        parts = [self.encoded(name).features for name in backbones]
        if rows is not None:
            parts = [part[rows] for part in parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
