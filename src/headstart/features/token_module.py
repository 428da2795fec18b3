"""A text encoder with its pooling inside: tokens in, one row of features out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.backbone import OpenBackbone
from headstart.errors import UnknownNameError


class TokenModule(nn.Module):
    """(n, t) int64 token ids and (n, t) int64 mask, 1 where a token stands -> (n, dim) float32.

    Args:
        opened: the backbone's module, (ids, mask) -> (n, t, dim), and its blocks.
        pooling: "mean", "cls" or "max" over the tokens.
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

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Features of a batch of windows."""
        states: Tensor = self.module(ids, mask)  # (n, t, dim)
        if self.layer is not None:
            assert self._taken is not None
            states = self._taken
        if self.pooling == "cls":
            return states[:, 0]
        is_token = mask.unsqueeze(-1).to(states.dtype)
        if self.pooling == "max":
            return torch.where(is_token > 0, states, torch.finfo(states.dtype).min).amax(1)
        return (states * is_token).sum(1) / is_token.sum(1)
