"""A backbone of pictures made ready for clips of video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.frame_stream import FrameStream
from headstart.features.pixel_backbone import PixelBackbone
from headstart.features.runtimes.runtime import Batch
from headstart.types import BackboneCard, VideoInput

STILL_LEVELS = 4.0
"""Frames whose pixels differ by less have features too much alike to compare runtimes by."""


class FrameBackbone(PixelBackbone):
    """Frames as pixels; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a backbone whose input is a :class:`~headstart.types.VideoInput`.
        settings: the encoder's.
    """

    def stream(  # type: ignore[override]
        self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int
    ) -> FrameStream:
        """Every frame a row of a batch of one size; a clip's row is that of all its frames, one after the other."""
        return FrameStream(examples, rows, self.spec, self._n_frames, batch_size)

    def dim(self) -> int:
        """Width of a row of all frames of a clip."""
        card = self._backbone.card
        return self._n_frames * (card.dim // card.steps if self._settings.layer is None else super().dim())

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> NDArray[np.uint8]:
        """Pixels of the frames of two clips, for measuring runtimes; noise makes up for none, or still ones."""
        batches: list[Batch] = list(self.stream(examples, digests, rows[:2], 8))
        noise = np.random.default_rng(0).integers(0, 256, (8, *self.shape), dtype=np.uint8)
        if not batches:
            return noise
        frames = np.concatenate([pixels for (pixels,) in batches])
        is_still = float(frames.std(axis=0).mean()) < STILL_LEVELS
        return np.concatenate([noise[:4], frames]) if is_still else frames

    @property
    def _n_frames(self) -> int:
        wanted = self._backbone.card.input
        assert isinstance(wanted, VideoInput), "only clips have frames"
        return wanted.n_frames


def rows_are_frames(card: BackboneCard) -> bool:
    """True where what is computed, and cached, of a clip is a row of all its frames."""
    return isinstance(card.input, VideoInput) and not card.input.is_joint


def over_frames(card: BackboneCard, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows as computed -> the backbone's features: the mean of the frames, unless those are wanted in order.

    Args:
        card: whose.
        rows: (n, d), of a clip's frames (n, n_frames * d).

    Returns:
        (n, d) or, in order, (n, n_frames * d) float32.
    """
    if not rows_are_frames(card) or card.steps > 1:
        return rows
    assert isinstance(card.input, VideoInput), "only clips have frames"
    frames = rows.reshape(len(rows), card.input.n_frames, -1)
    return np.asarray(frames.mean(axis=1, dtype=np.float64), dtype=np.float32)
