"""A backbone with its normalisation and pooling inside: uint8 pixels in, one row of features out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.backbone import OpenBackbone
from headstart.errors import UnknownNameError
from headstart.types import ImageInput


class PixelModule(nn.Module):
    """(n, height, width, 3) uint8 -> (n, dim) float32.

    The channels stay side by side in memory, in which layout convolutions take less time on a CPU.

    Args:
        opened: the backbone's module and its blocks.
        spec: the pixels it wants; mean and deviation are applied here.
        layer: name of the block whose output is taken, or None for the pooled features of the last one.
        pooling: "mean" or "max" over positions, or "none" to flatten; only for a named layer.
    """

    def __init__(self, opened: OpenBackbone, spec: ImageInput, layer: str | None = None, pooling: str = "mean") -> None:
        super().__init__()
        if layer is not None and layer not in opened.blocks:
            raise UnknownNameError("Encoder layer", layer, opened.blocks)
        self.module = opened.module.eval()
        self.layer, self.pooling = layer, pooling
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1))
        self._taken: Tensor | None = None
        if layer is not None:
            opened.blocks[layer].register_forward_hook(self._take)

    def _take(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._taken = output[0] if isinstance(output, (tuple, list)) else output

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of a batch of pixels."""
        x = (pixels.permute(0, 3, 1, 2).float() / 255.0 - self.mean) / self.std
        pooled: Tensor = self.module(x)
        if self.layer is None:
            return pooled.flatten(1)
        assert self._taken is not None
        return self._pool(self._taken)

    def _pool(self, taken: Tensor) -> Tensor:
        if taken.ndim == 3:  # (n, tokens, dim)
            taken = taken.transpose(1, 2)
        positions = taken.flatten(2) if taken.ndim > 2 else taken
        if self.pooling == "none" or positions.ndim == 2:
            return positions.flatten(1)
        return positions.mean(-1) if self.pooling == "mean" else positions.amax(-1)
