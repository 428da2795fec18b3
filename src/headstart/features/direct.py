"""Encoding without a cache, the runtime kept ready: what a saved model uses to predict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.data.image_file import open_image
from headstart.features.classic_runtime import ClassicRuntime
from headstart.features.encoding import CLASSIC_SIDE
from headstart.features.pixel_backbone import PixelBackbone
from headstart.features.settings import EncoderSettings
from headstart.features.stream import BatchStream

if TYPE_CHECKING:
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

    def encode(self, examples: Sequence[Any]) -> tuple[NDArray[np.float32], dict[int, str]]:
        """(n, dim) features, and position -> reason for rows that could not be read (zeros there)."""
        if self._backbone.is_classic:
            shape: tuple[int, ...] = ()
            stream = BatchStream(range(len(examples)), _opener(examples), shape, object, self._runtime.batch_size)
        else:
            load = self._pixels.loader(examples, [b""] * len(examples))
            size = self._runtime.batch_size
            stream = BatchStream(range(len(examples)), load, self._pixels.shape, np.uint8, size)
        parts: dict[int, NDArray[np.float32]] = {}
        self._runtime.run(stream, parts.__setitem__)
        if not parts:
            return np.zeros((0, self._backbone.card.dim), dtype=np.float32), {}
        rows = np.concatenate([parts[number] for number in range(len(parts))])[: len(examples)]
        return rows, dict(sorted(stream.problems.items()))

    @cached_property
    def _pixels(self) -> PixelBackbone:
        return PixelBackbone(self._backbone, self._settings)

    @cached_property
    def _runtime(self) -> Runtime:
        from headstart.features.runtimes.runtime import RUNTIMES, is_installed

        if self._backbone.is_classic:
            return ClassicRuntime(self._backbone)
        name = self._runtime_name if self._runtime_name in RUNTIMES and is_installed(self._runtime_name) else "torch"
        return self._pixels.build(name, self._precision)


def _opener(examples: Sequence[Any]) -> Any:
    def load(row: int) -> Any:
        return open_image(examples[row], min_side=CLASSIC_SIDE)

    return load
