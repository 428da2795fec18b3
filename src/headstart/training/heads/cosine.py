"""Angles to a direction a class, with a margin in training: for many classes."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.feature_scale import FeatureScale
from headstart.training.forward import Loss
from headstart.training.losses.arc_margin import ArcMargin


@final
class Cosine(nn.Module):
    """``sharpness * cos(angle between z and w_k)`` of scaled features z.

    Args:
        dim: width of the features.
        n_outputs: classes.
        sharpness: what cosines are multiplied with.
        margin: radians that are added to the angle of an example's own class in training.

    Source: Deng et al., ArcFace, CVPR 2019.
    """

    name: ClassVar[str] = "cosine"

    def __init__(self, dim: int, n_outputs: int, *, sharpness: float = 16.0, margin: float = 0.2) -> None:
        super().__init__()
        if n_outputs < 2:
            raise InputError("The cosine head needs 2 classes or more, got numbers to predict. Take another head.")
        self.scale = FeatureScale(dim)
        self.output = nn.Linear(dim, n_outputs, bias=False)
        self.sharpness, self.margin = sharpness, margin

    def forward(self, features: Tensor) -> Tensor:
        """(b, n_outputs) scores."""
        directions = functional.normalize(self.output.weight, dim=1)
        cosines: Tensor = functional.linear(functional.normalize(self.scale(features), dim=1), directions)
        return self.sharpness * torch.clamp(cosines, -1.0, 1.0)

    def loss(self, base: Loss) -> Loss:
        """``base`` behind the margin."""
        return ArcMargin(base, sharpness=self.sharpness, margin=self.margin)
