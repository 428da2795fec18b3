"""A chest X-ray model of TorchXRayVision behind the signature that image backbones have."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

_SCALE = 1024.0
"""Black is -1024, white is 1024."""


class XrayFeatures(nn.Module):
    """(n, 3, h, w) from -1 to 1 -> (n, dim); the three channels are averaged to grey.

    Args:
        model: a DenseNet of TorchXRayVision (has ``features2``), or a ResNet of torchvision with one input channel.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Pooled features."""
        grey = pixels.mean(1, keepdim=True) * _SCALE  # (n, 1, h, w)
        pool = getattr(self.model, "features2", self.model)
        pooled: Tensor = pool(grey)
        return pooled
