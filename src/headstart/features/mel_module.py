"""A speech encoder with its pooling inside: spectrograms in, one row of features out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.backbone import OpenBackbone
from headstart.errors import UnknownNameError


class MelModule(nn.Module):
    """(n, mels, frames) float32 and (n,) int64 states that mean something -> (n, dim) float32.

    Args:
        opened: the backbone's module, (n, mels, frames) -> (n, t, dim), and its blocks.
        pooling: "mean" or "max" over the states.
        layer: name of the block whose output is taken, or None for the last.
    """

    def __init__(self, opened: OpenBackbone, pooling: str, layer: str | None = None) -> None:
        super().__init__()
        if layer is not None and layer not in opened.blocks:
            raise UnknownNameError("Encoder layer", layer, opened.blocks)
        self.module = opened.module.eval()
        self.pooling, self.layer = pooling, layer
        self._taken: Tensor | None = None
        if layer is not None:
            opened.blocks[layer].register_forward_hook(self._take)

    def _take(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._taken = output[0] if isinstance(output, (tuple, list)) else output

    def forward(self, mels: Tensor, n_states: Tensor) -> Tensor:
        """Features of a batch of windows."""
        states: Tensor = self.module(mels)  # (n, t, dim)
        if self.layer is not None:
            assert self._taken is not None
            states = self._taken
        place = torch.arange(states.shape[1], device=states.device)
        is_sound = (place[None, :] < n_states[:, None]).unsqueeze(-1)
        if self.pooling == "max":
            return torch.where(is_sound, states, torch.finfo(states.dtype).min).amax(1)
        weight = is_sound.to(states.dtype)
        return (states * weight).sum(1) / weight.sum(1)
