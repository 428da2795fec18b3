"""A backbone that reads all frames of a clip together, made ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.data.video_file import open_frames
from headstart.features.pixel_backbone import PixelBackbone
from headstart.features.pixels import prepare
from headstart.features.runtimes.runtime import Runtime, Signature, build_runtime
from headstart.features.settings import EncoderSettings
from headstart.types import VideoInput

if TYPE_CHECKING:
    from headstart.features.clip_module import ClipModule

BATCH_CLIPS = 2
"""A clip is as much work as thousands of words; more of them at once only take memory."""


class ClipBackbone(PixelBackbone):
    """Clips as blocks of pixels; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a backbone whose input is a joint :class:`~headstart.types.VideoInput`.
        settings: the encoder's.
    """

    runtimes = ("torch",)

    def __init__(self, backbone: Backbone, settings: EncoderSettings) -> None:
        super().__init__(backbone, settings)
        wanted = backbone.card.input
        assert isinstance(wanted, VideoInput), "only clips have frames"
        self.n_frames = wanted.n_frames

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Frames, height, width and channels of one example's pixels."""
        return (self.n_frames, self.spec.height, self.spec.width, 3)

    def _build(self, name: str, precision: str) -> Runtime:
        return build_runtime(name, self._new_module(), Signature(("uint8",), ((BATCH_CLIPS, *self.shape),)), precision)

    def loader(self, examples: Sequence[Any], digests: Sequence[bytes]) -> Callable[[int], NDArray[np.uint8]]:
        """Row number -> (frames, height, width, 3) uint8 pixels."""

        def load(row: int) -> NDArray[np.uint8]:
            return np.stack([prepare(frame, self.spec) for frame in open_frames(examples[row], n_frames=self.n_frames)])

        return load

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> NDArray[np.uint8]:
        """Pixels of two clips, for measuring runtimes; noise makes up for unreadable ones."""
        noise = np.random.default_rng(0).integers(0, 256, (BATCH_CLIPS, *self.shape), dtype=np.uint8)
        found = list(self.stream(examples, digests, rows[:BATCH_CLIPS], BATCH_CLIPS))
        return np.concatenate([found[0][0], noise]) if found else noise

    def _new_module(self) -> ClipModule:  # type: ignore[override]
        from headstart.features.clip_module import ClipModule

        return ClipModule(self._backbone.open(), self.spec, self._settings.layer, self._settings.pooling).eval()
