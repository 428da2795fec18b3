"""A backbone of pictures made ready for clips of video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.frame_stream import FrameStream
from headstart.features.pixel_backbone import PixelBackbone
from headstart.features.runtimes.runtime import Batch
from headstart.types import VideoInput


class FrameBackbone(PixelBackbone):
    """Frames as pixels; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a backbone whose input is a :class:`~headstart.types.VideoInput`.
        settings: the encoder's.
    """

    def stream(  # type: ignore[override]
        self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int
    ) -> FrameStream:
        """Every frame a row of a batch of one size."""
        wanted = self._backbone.card.input
        assert isinstance(wanted, VideoInput), "only clips have frames"
        return FrameStream(examples, rows, self.spec, wanted.n_frames, batch_size)

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> NDArray[np.uint8]:
        """Pixels of the frames of two clips, for measuring runtimes; noise makes up for fewer than 8."""
        batches: list[Batch] = list(self.stream(examples, digests, rows[:2], 8))
        noise = np.random.default_rng(0).integers(0, 256, (8, *self.shape), dtype=np.uint8)
        return np.concatenate([pixels for (pixels,) in batches]) if batches else noise
