"""A linear layer."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor, nn

from headstart.training.feature_scale import FeatureScale
from headstart.training.forward import Loss


@final
class Linear(nn.Module):
    """``W z + b`` of scaled features z.

    Args:
        dim: width of the features.
        n_outputs: scores.
    """

    name: ClassVar[str] = "linear"

    def __init__(self, dim: int, n_outputs: int) -> None:
        super().__init__()
        self.scale = FeatureScale(dim)
        self.output = nn.Linear(dim, n_outputs)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(b, n_outputs) scores."""
        scores: Tensor = self.output(self.scale(features))
        return scores

    def loss(self, base: Loss) -> Loss:
        """``base`` itself."""
        return base
