"""The classic head of the Keras recipes: Dense(1024) with ReLU, then the outputs."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor, nn

from headstart.training.feature_scale import FeatureScale
from headstart.training.forward import Loss


@final
class Dense(nn.Module):
    """Pooled features, a layer of ``width`` with ReLU, the outputs; softmax stands in the loss.

    Args:
        dim: width of the features.
        n_outputs: scores.
        width: of the hidden layer.

    Source: "Fine-tune InceptionV3 on a new set of classes" in the documentation of keras.applications.
    """

    name: ClassVar[str] = "dense"

    def __init__(self, dim: int, n_outputs: int, *, width: int = 1024) -> None:
        super().__init__()
        self.scale = FeatureScale(dim)
        self.hidden = nn.Linear(dim, width)
        self.output = nn.Linear(width, n_outputs)

    def forward(self, features: Tensor) -> Tensor:
        """(b, n_outputs) scores."""
        scores: Tensor = self.output(nn.functional.relu(self.hidden(self.scale(features))))
        return scores

    def loss(self, base: Loss) -> Loss:
        """``base`` itself."""
        return base
