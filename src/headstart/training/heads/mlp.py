"""A perceptron of one hidden layer with dropout."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor, nn

from headstart.training.feature_scale import FeatureScale
from headstart.training.forward import Loss


@final
class Mlp(nn.Module):
    """Scaled features, dropout, linear, GELU, dropout, linear.

    Args:
        dim: width of the features.
        n_outputs: scores.
        width: of the hidden layer.
        dropout: share of values set to 0 in training.

    Source: Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415; Srivastava et al., Dropout, JMLR 2014.
    """

    name: ClassVar[str] = "mlp"

    def __init__(self, dim: int, n_outputs: int, *, width: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.scale = FeatureScale(dim)
        self.hidden = nn.Linear(dim, width)
        self.output = nn.Linear(width, n_outputs)
        self.dropout = nn.Dropout(dropout)
        self.activation = nn.GELU()

    def forward(self, features: Tensor) -> Tensor:
        """(b, n_outputs) scores."""
        hidden = self.activation(self.hidden(self.dropout(self.scale(features))))
        scores: Tensor = self.output(self.dropout(hidden))
        return scores

    def loss(self, base: Loss) -> Loss:
        """``base`` itself."""
        return base
