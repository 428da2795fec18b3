"""The last k blocks move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import nn

from headstart.training.moving._levels import last_levels
from headstart.training.moving._moves import Moves, moves, parts_of, trainable


@final
class LastBlocks:
    """The head and the k blocks before it; all below may come from a cache.

    A block of norms alone counts with the block before it.

    Args:
        k: how many blocks, from 1 on.

    Source: Yosinski et al., How transferable are features in deep neural networks?, NeurIPS 2014.
    """

    name = "last_blocks"

    def __init__(self, k: int = 1) -> None:
        self.k = k

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free the last blocks of ``network``.

        Raises:
            InputError: it does not have as many.
        """
        levels = last_levels(parts_of(network)[0], blocks, self.k, self.name)
        return moves(network, blocks, (p for level in levels for p in level.parameters if trainable(p)))
