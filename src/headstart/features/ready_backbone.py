"""A backbone made ready for one encoder: how its examples are prepared, what runs it, what it must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.features.classic_backbone import ClassicBackbone
from headstart.features.runtimes.runtime import Batch, Runtime
from headstart.features.settings import EncoderSettings
from headstart.features.stream import Stream
from headstart.types import AudioInput, TextInput, VideoInput, WaveInput

if TYPE_CHECKING:
    pass


class ReadyBackbone(Protocol):
    """What an encoder needs of a backbone of any kind; weights load at the first use."""

    @property
    def runtimes(self) -> tuple[str, ...]:
        """Names of those that can run it."""
        ...

    def build(self, name: str, precision: str) -> Runtime:
        """The runtime ``name``; the last few are kept ready."""
        ...

    def dim(self) -> int:
        """Width of a row of features."""
        ...

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> Any:
        """Prepared examples on which runtimes are compared and timed."""
        ...

    def batches(self, sample: Any, batch_size: int) -> list[Batch]:
        """The sample in batches for a runtime."""
        ...

    def reference(self, sample: Any) -> NDArray[np.float32]:
        """(n, dim) features of the first of the sample by plain fp32 PyTorch on the processor."""
        ...

    def stream(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int) -> Stream:
        """The ``rows`` of ``examples`` on their way to a runtime."""
        ...


def make_ready(backbone: Backbone, settings: EncoderSettings) -> ReadyBackbone | ClassicBackbone:
    """The backbone with its preparation, by what it takes."""
    wanted = backbone.card.input
    if wanted is None:
        return ClassicBackbone(backbone)
    if isinstance(wanted, TextInput):
        from headstart.features.token_backbone import TokenBackbone

        return TokenBackbone(backbone, settings)
    if isinstance(wanted, AudioInput):
        from headstart.features.mel_backbone import MelBackbone

        return cast(ReadyBackbone, MelBackbone(backbone, settings))
    if isinstance(wanted, WaveInput):
        from headstart.features.wave_backbone import WaveBackbone

        return cast(ReadyBackbone, WaveBackbone(backbone, settings))
    if isinstance(wanted, VideoInput) and wanted.is_joint:
        from headstart.features.clip_backbone import ClipBackbone

        return ClipBackbone(backbone, settings)
    if isinstance(wanted, VideoInput):
        from headstart.features.frame_backbone import FrameBackbone

        return FrameBackbone(backbone, settings)
    from headstart.features.pixel_backbone import PixelBackbone

    return PixelBackbone(backbone, settings)
