"""A backbone of sound that takes samples made ready: clips of like length go through together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.features.ready_runtimes import kept_ready
from headstart.features.runtimes.runtime import Batch, Runtime, Signature, build_runtime
from headstart.features.settings import EncoderSettings
from headstart.features.wave_stream import WaveStream
from headstart.types import WaveInput

if TYPE_CHECKING:
    from headstart.features.wave_module import WaveModule

REFERENCE_WINDOWS = 4
"""Windows on which runtimes are compared with PyTorch."""


class WaveBackbone:
    """Clips as samples; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a backbone with a module that takes samples.
        settings: the encoder's.
    """

    runtimes = ("torch",)

    def __init__(self, backbone: Backbone, settings: EncoderSettings) -> None:
        spec = backbone.card.input
        assert isinstance(spec, WaveInput), "only clips have samples"
        self._backbone, self._settings, self.spec = backbone, settings, spec

    def build(self, name: str, precision: str) -> Runtime:
        """The runtime ``name`` for batches of any size; the last few are kept ready."""
        key = [self._settings.graph_key(self._backbone.card), name, precision]
        return kept_ready(key, lambda: self._build(name, precision))

    def _build(self, name: str, precision: str) -> Runtime:
        signature = Signature(("float32", "int64"), ((-1, -1), (-1,)))
        return build_runtime(name, self._new_module(), signature, precision)

    def dim(self) -> int:
        """Width of a row of features."""
        return int(self.reference(_stand_ins(self.spec)).shape[1])

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> list[Batch]:
        """Windows of the ``rows``; noise makes up for none."""
        return list(self.stream(examples, digests, rows, -1)) or _stand_ins(self.spec)

    def batches(self, sample: list[Batch], batch_size: int) -> list[Batch]:
        """The sample as it is."""
        return sample

    def reference(self, sample: list[Batch]) -> NDArray[np.float32]:
        """(n, dim) features of the first windows by plain fp32 PyTorch on the processor."""
        import torch

        with torch.inference_mode():
            arrays = (torch.from_numpy(array[:REFERENCE_WINDOWS]) for array in sample[0])
            rows: NDArray[np.float32] = self._module(*arrays).numpy()
        return rows

    def stream(
        self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int
    ) -> WaveStream:
        """Windows in batches of like length."""
        return WaveStream(examples, rows, self.spec)

    @cached_property
    def _module(self) -> WaveModule:
        return self._new_module()

    def _new_module(self) -> WaveModule:
        from headstart.features.wave_module import WaveModule

        return WaveModule(self._backbone.open(), self._settings.pooling, self._settings.layer).eval()


def _stand_ins(spec: WaveInput) -> list[Batch]:
    size = max(spec.min_samples, min(spec.rate, spec.window_samples))
    noise = np.random.default_rng(0).normal(0, 0.1, (2, size)).astype(np.float32)
    return [(noise, np.full(2, size, dtype=np.int64))]
