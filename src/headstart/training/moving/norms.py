"""Scales and shifts of the norms move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import nn

from headstart.errors import InputError
from headstart.training.moving._levels import is_norm_layer
from headstart.training.moving._moves import Moves, moves, named_layer_parameters, parts_of


@final
class Norms:
    """The head and the weights of batch, layer, group and other norms; statistics of batch norms move with them.

    Source: Frankle, Schwab and Morcos, Training BatchNorm and only BatchNorm, ICLR 2021.
    """

    name = "norms"

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free the norms of ``network``.

        Raises:
            InputError: it has none.
        """
        trunk, _ = parts_of(network)
        chosen = [parameter for layer, _, parameter in named_layer_parameters(trunk) if is_norm_layer(layer)]
        if not chosen:
            raise InputError("norms needs a backbone with norms, got one without. Choose another trainable.")
        return moves(network, blocks, chosen)
