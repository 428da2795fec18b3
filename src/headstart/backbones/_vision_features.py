"""A Transformers image model behind the one signature that image backbones have."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from headstart.backbones._vision_models import CLS, POOLER


class VisionFeatures(nn.Module):
    """(n, 3, h, w) -> (n, dim).

    Args:
        model: a Transformers image model.
        takes: which output, one of those in :mod:`headstart.backbones._vision_models`.
        wants_blue_first: the weights want the channels in the order blue, green, red.
    """

    def __init__(self, model: Any, takes: str, *, wants_blue_first: bool) -> None:
        super().__init__()
        self.model = model
        self.takes, self.wants_blue_first = takes, wants_blue_first

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of a batch of pictures."""
        found = self.model(pixel_values=pixels.flip(1) if self.wants_blue_first else pixels, return_dict=True)
        if self.takes == POOLER:
            pooled: Tensor = found.pooler_output
            return pooled.flatten(1)
        states: Tensor = found.last_hidden_state
        if self.takes == CLS:
            return states[:, 0]
        return states.mean(1) if states.ndim == 3 else states.flatten(2).mean(2)
