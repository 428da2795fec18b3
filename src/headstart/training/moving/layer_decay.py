"""Everything moves, lower blocks less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import nn

from headstart.errors import InputError
from headstart.training.moving._levels import levels_of
from headstart.training.moving._moves import Moves, moves, parts_of, trainable


@final
class LayerDecay:
    """The rate of a block is ``decay ** depth``: the head has depth 0, the last block 1, the stem as many as blocks.

    A norm has the rate of the block that it follows; class tokens and positions have the stem's.

    Args:
        decay: in 0..1, both outside: 0 would be a linear probe, 1 is ``full``.

    Source: Clark et al., ELECTRA, ICLR 2020; Bao et al., BEiT, ICLR 2022.
    """

    name = "layer_decay"

    def __init__(self, decay: float = 0.75) -> None:
        self.decay = decay

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free all weights of ``network``, each with its rate.

        Raises:
            InputError: the decay makes no sense.
        """
        if not 0 < self.decay < 1:
            raise InputError(
                f"layer_decay needs a decay between 0 and 1, got {self.decay!r}. Choose 0.75, for example."
            )
        trunk, _ = parts_of(network)
        levels = levels_of(trunk, blocks)
        factors = {
            id(parameter): self.decay ** (len(levels) - depth)
            for depth, level in enumerate(levels)
            for parameter in level.parameters
        }
        rates = {name: factors.get(id(parameter), 1.0) for name, parameter in network.named_parameters()}
        return moves(network, blocks, filter(trainable, trunk.parameters()), rate_of=lambda name: rates.get(name, 1.0))
