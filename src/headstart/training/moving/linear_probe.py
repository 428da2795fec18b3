"""The head alone moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import nn

from headstart.training.moving._moves import Moves, moves


@final
class LinearProbe:
    """The trunk stays as it is, so its features may be computed once.

    Source: Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016.
    """

    name = "linear_probe"

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Freeze the trunk of ``network``."""
        return moves(network, blocks, ())
