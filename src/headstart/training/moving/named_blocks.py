"""The blocks that are named move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import nn

from headstart.errors import InputError, UnknownNameError
from headstart.training.moving._levels import levels_of
from headstart.training.moving._moves import Moves, moves, parts_of, trainable


@final
class NamedBlocks:
    """Surgical fine-tuning: under a shift of the inputs the first blocks, under one of the outputs the last.

    Args:
        blocks: their names. With the first block of a backbone moves what belongs to no block.

    Source: Lee et al., Surgical fine-tuning improves adaptation to distribution shifts, ICLR 2023.
    """

    name = "named_blocks"

    def __init__(self, blocks: Sequence[str]) -> None:
        self.blocks = blocks

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free the named blocks of ``network``.

        Raises:
            UnknownNameError: it has no such block.
            InputError: none is named.
        """
        trunk, _ = parts_of(network)
        if isinstance(self.blocks, str) or not self.blocks:
            raise InputError(f"named_blocks needs a list of names of blocks, got {self.blocks!r}. Name at least one.")
        for name in self.blocks:
            if name not in blocks:
                raise UnknownNameError("named_blocks", name, blocks)
        chosen = [p for name in self.blocks for p in blocks[name].parameters()]
        if next(iter(blocks)) in self.blocks:
            in_blocks = {id(p) for block in blocks.values() for p in block.parameters()}
            chosen += [p for p in levels_of(trunk, blocks)[0].parameters if id(p) not in in_blocks]
        return moves(network, blocks, filter(trainable, chosen))
