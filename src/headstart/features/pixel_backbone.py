"""A backbone opened for one encoder: its pixels, its runtimes, its reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.data.image_file import open_image
from headstart.features.pixels import prepare
from headstart.features.ready_runtimes import kept_ready
from headstart.features.runtimes.runtime import RUNTIMES, Batch, Signature, build_runtime
from headstart.features.settings import EncoderSettings
from headstart.features.stream import BatchStream
from headstart.types import ImageInput

if TYPE_CHECKING:
    from headstart.features.pixel_module import PixelModule
    from headstart.features.runtimes.runtime import Runtime

REFERENCE_ROWS = 8
"""Rows on which runtimes are compared with PyTorch."""


class PixelBackbone:
    """Pictures as pixels; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a backbone with a module that takes pixels.
        settings: the encoder's.
    """

    def __init__(self, backbone: Backbone, settings: EncoderSettings) -> None:
        spec = settings.spec(backbone.card)
        assert spec is not None, "only pictures have pixels to prepare"
        self._backbone, self._settings = backbone, settings
        self.spec: ImageInput = spec

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one example's pixels."""
        return (self.spec.height, self.spec.width, 3)

    def build(self, name: str, precision: str) -> Runtime:
        """The runtime ``name`` for batches of the size that suits this machine; the last few are kept ready."""
        if not self._backbone.card.weights_id:
            return self._build(name, precision)
        key = [self._settings.graph_key(self._backbone.card), name, precision]
        return kept_ready(key, lambda: self._build(name, precision))

    def _build(self, name: str, precision: str) -> Runtime:
        module = self._new_module() if name == "torch" else self._module
        return build_runtime(name, module, Signature(("uint8",), ((_batch_size(name), *self.shape),)), precision)

    @cached_property
    def runtimes(self) -> tuple[str, ...]:
        """Those that can run the module."""
        return tuple(getattr(self._module.module, "runs_in", RUNTIMES))

    def reference(self, sample: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, dim) features by plain fp32 PyTorch on the processor."""
        import torch

        with torch.inference_mode():
            rows: NDArray[np.float32] = self._module(torch.from_numpy(sample[:REFERENCE_ROWS])).numpy()
        return rows

    def dim(self) -> int:
        """Width of a row of features."""
        if self._settings.layer is None:
            return self._backbone.card.dim
        return int(self.reference(np.zeros((1, *self.shape), dtype=np.uint8)).shape[1])

    def stream(
        self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int
    ) -> BatchStream:
        """Pixels in batches of one size."""
        return BatchStream(rows, self.loader(examples, digests), self.shape, np.uint8, batch_size)

    def batches(self, sample: NDArray[np.uint8], batch_size: int) -> list[Batch]:
        """The sample in batches, the last filled up with zeros."""
        n_batches = -(-len(sample) // batch_size)
        padded = np.zeros((n_batches * batch_size, *self.shape), dtype=np.uint8)
        padded[: len(sample)] = sample
        return [(batch,) for batch in padded.reshape(n_batches, batch_size, *self.shape)]

    def loader(self, examples: Sequence[Any], digests: Sequence[bytes]) -> Callable[[int], NDArray[np.uint8]]:
        """Row number -> (height, width, 3) uint8 pixels."""
        min_side, view = self._settings.min_side(self._backbone.card), self._settings.view

        def load(row: int) -> NDArray[np.uint8]:
            return prepare(open_image(examples[row], min_side=min_side), self.spec, view, digests[row])

        return load

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> NDArray[np.uint8]:
        """Pixels of ``rows`` (n, height, width, 3), for measuring runtimes; noise makes up for fewer than 8."""
        noise = np.random.default_rng(0).integers(0, 256, (max(0, 8 - len(rows)), *self.shape), dtype=np.uint8)
        if not rows:
            return noise
        stream = BatchStream(rows, self.loader(examples, digests), self.shape, np.uint8, len(rows))
        return np.concatenate([next(iter(stream))[0], noise])

    @cached_property
    def _module(self) -> PixelModule:
        return self._new_module()

    def _new_module(self) -> PixelModule:
        from headstart.features.pixel_module import PixelModule

        return PixelModule(self._backbone.open(), self.spec, self._settings.layer, self._settings.pooling).eval()


def _batch_size(runtime: str) -> int:
    """Rows of a batch: many for a graphics card, few for a processor's caches."""
    if runtime != "torch":
        return 4 if runtime == "openvino" else 16
    import torch

    return 128 if torch.cuda.is_available() else 16
