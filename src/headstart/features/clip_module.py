"""A backbone of whole clips with its normalisation inside: uint8 frames in, one row of features out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headstart.backbones.backbone import OpenBackbone
from headstart.errors import UnknownNameError
from headstart.types import ImageInput


class ClipModule(nn.Module):
    """(n, t, height, width, 3) uint8 -> (n, dim) float32.

    Args:
        opened: the backbone's module, (n, t, 3, h, w) -> (n, dim), and its blocks.
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
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 1, 3, 1, 1))
        self._taken: Tensor | None = None
        if layer is not None:
            opened.blocks[layer].register_forward_hook(self._take)

    def _take(self, module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        self._taken = output[0] if isinstance(output, (tuple, list)) else output

    def forward(self, frames: Tensor) -> Tensor:
        """Features of a batch of clips."""
        pooled: Tensor = self.module((frames.permute(0, 1, 4, 2, 3).float() / 255.0 - self.mean) / self.std)
        if self.layer is None:
            return pooled
        assert self._taken is not None
        states = self._taken.reshape(len(frames), -1, self._taken.shape[-1])  # (n, tokens, dim)
        if self.pooling == "none":
            return states.flatten(1)
        return states.mean(1) if self.pooling == "mean" else states.amax(1)
