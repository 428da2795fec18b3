"""A Transformers model of video behind the one signature that backbones of whole clips have."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from headstart.backbones._video_models import CLS


class ClipFeatures(nn.Module):
    """(n, t, 3, h, w) -> (n, dim).

    Args:
        model: a Transformers model of video.
        takes: which output, one of those in :mod:`headstart.backbones._video_models`.
        wants_blue_first: the weights want the channels in the order blue, green, red.
    """

    def __init__(self, model: Any, takes: str, *, wants_blue_first: bool) -> None:
        super().__init__()
        self.model = model
        self.takes, self.wants_blue_first = takes, wants_blue_first

    def forward(self, frames: Tensor) -> Tensor:
        """Features of a batch of clips."""
        frames = frames.flip(2) if self.wants_blue_first else frames
        states: Tensor = self.model(pixel_values=frames, return_dict=True).last_hidden_state  # (n, tokens, dim)
        return states[:, 0] if self.takes == CLS else states.mean(1)
