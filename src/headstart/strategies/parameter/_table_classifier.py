"""A table's network with a linear layer behind it."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from headstart.training.table.network import TableNetwork


@final
class TableClassifier(nn.Module):
    """Cells of a row -> (b, n_classes) scores.

    Args:
        encoder: gives the features of a row.
        n_classes: scores.
    """

    def __init__(self, encoder: TableNetwork, n_classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.dim, n_classes)

    def forward(self, bins: Tensor, codes: Tensor, present: Tensor) -> Tensor:
        """(b, n_classes) scores."""
        scores: Tensor = self.head(self.encoder(bins, codes, present))
        return scores
