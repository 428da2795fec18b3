"""Biases move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import nn

from headstart.errors import InputError
from headstart.training.moving._moves import Moves, moves, named_layer_parameters, parts_of


@final
class Biases:
    """The head and every vector that is added: of linear layers, convolutions, attention and norms.

    A batch norm whose shift moves has moving statistics.

    Source: Ben Zaken, Goldberg and Ravfogel, BitFit, ACL 2022.
    """

    name = "biases"

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free the biases of ``network``.

        Raises:
            InputError: it has none.
        """
        trunk, _ = parts_of(network)
        chosen = [p for _, name, p in named_layer_parameters(trunk) if "bias" in name and p.ndim <= 1]
        if not chosen:
            raise InputError("biases needs a backbone with biases, got one without. Choose another trainable.")
        return moves(network, blocks, chosen)
