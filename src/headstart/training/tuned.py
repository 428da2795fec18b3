"""A trunk and a head: what is trained."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn


@final
class Tuned(nn.Module):
    """Inputs of b examples -> scores.

    Args:
        trunk: the module of a :class:`~headstart.training.trunk.Trunk`, inputs -> (b, dim).
        head: (b, dim) -> (b, n_outputs).
    """

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    def features(self, *inputs: Tensor) -> Tensor:
        """(b, dim) features."""
        features: Tensor = self.trunk(*inputs)
        return features

    def forward(self, *inputs: Tensor) -> Tensor:
        """(b, n_outputs) scores."""
        scores: Tensor = self.head(self.features(*inputs))
        return scores
