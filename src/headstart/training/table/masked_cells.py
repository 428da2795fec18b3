"""The pre-training task of a table's network."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from headstart.training.table.network import TableNetwork


@final
class MaskedCells(nn.Module):
    """The loss of each row.

    Half of it is that hidden cells are told from the others; half, that all cells are told from the features of the
    row, which so have to keep them.

    Args:
        network: what is trained.

    Source: Rubachev et al., Revisiting pretraining objectives for tabular deep learning, 2022.
    """

    def __init__(self, network: TableNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, bins: Tensor, codes: Tensor, present: Tensor, hidden: Tensor) -> Tensor:
        """(b,) losses; ``hidden`` (b, c) lies within ``present``."""
        states = self.network.states(bins, codes, present, hidden)
        told = self.network.cell_losses(states, bins, codes)
        kept = self.network.cell_losses(self.network.unfolded(states.mean(dim=1)), bins, codes)
        return 0.5 * _mean(told, hidden) + 0.5 * _mean(kept, present)


def _mean(losses: Tensor, where: Tensor) -> Tensor:
    """(b,) mean of the (b, c) losses there; 0 where there is none."""
    return (losses * where).sum(dim=1) / where.sum(dim=1).clamp_min(1)
