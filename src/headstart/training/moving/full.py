"""Everything moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import nn

from headstart.training.moving._moves import Moves, moves, parts_of, trainable


@final
class Full:
    """All weights move, at one rate."""

    name = "full"

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free all weights of ``network``."""
        trunk, _ = parts_of(network)
        return moves(network, blocks, filter(trainable, trunk.parameters()))
