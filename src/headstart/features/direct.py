"""Encoding without a cache, the runtime kept ready: what a saved model uses to predict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.features.classic_backbone import ClassicBackbone
from headstart.features.frame_backbone import over_frames
from headstart.features.ready_backbone import make_ready
from headstart.features.settings import EncoderSettings

if TYPE_CHECKING:
    from headstart.features.ready_backbone import ReadyBackbone
    from headstart.features.runtimes.runtime import Runtime


class DirectEncoder:
    """One backbone on one runtime; the first call builds it, later calls reuse it.

    Args:
        backbone: what encodes.
        settings: how.
        runtime: the runtime that was used in training; PyTorch takes its place where it is not installed.
        precision: "fp32" or "bf16".
    """

    def __init__(self, backbone: Backbone, settings: EncoderSettings, runtime: str, precision: str) -> None:
        self._backbone, self._settings = backbone, settings
        self._runtime_name, self._precision = runtime, precision

    @property
    def modality(self) -> str:
        """The kind of example that it encodes."""
        return self._backbone.card.modality

    def encode(self, examples: Sequence[Any]) -> tuple[NDArray[np.float32], dict[int, str]]:
        """(n, dim) features, and position -> reason for rows that could not be read (zeros there)."""
        if self._backbone.is_sparse:
            from headstart.features.sparse import encode_sparse

            return encode_sparse(self._backbone, examples)
        rows: dict[int, NDArray[np.float32]] = {}
        size = self._runtime.batch_size
        stream = self._ready.stream(examples, [b""] * len(examples), range(len(examples)), size)
        self._runtime.run(stream, lambda number, features: rows.update(stream.finished(number, features)))
        width = len(next(iter(rows.values()))) if rows else self._backbone.card.dim
        features = np.zeros((len(examples), width), dtype=np.float32)
        for row, values in rows.items():
            features[row] = values
        if rows:
            features = over_frames(self._backbone.card, features)
        return features, dict(sorted(stream.problems.items()))

    @cached_property
    def _ready(self) -> ReadyBackbone | ClassicBackbone:
        return make_ready(self._backbone, self._settings)

    @cached_property
    def _runtime(self) -> Runtime:
        from headstart.features.runtimes.runtime import RUNTIMES, is_installed

        if self._backbone.is_classic:
            return self._ready.build("numpy", "fp32")
        name = self._runtime_name if self._runtime_name in RUNTIMES and is_installed(self._runtime_name) else "torch"
        return self._ready.build(name, self._precision)
