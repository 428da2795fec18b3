"""The head first, then one block more in each epoch, from the last one down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import nn

from headstart.errors import InputError
from headstart.training.callback import Callback
from headstart.training.moving._levels import Level, last_levels
from headstart.training.moving._moves import Moves, moves, parts_of, trainable
from headstart.training.state import TrainState


@final
class GradualUnfreeze:
    """Epoch 0 moves the head, epoch e the e last blocks too; until its turn a block is frozen bit for bit.

    All parameters are the optimizer's from the start. Those whose turn has not come have no gradient, so that AdamW
    passes them over, decay and step counts included, and nothing is computed for them. What moves is decided by the
    number of the epoch alone, so that a killed run goes on exactly. A network is trained once per ``apply``.

    Args:
        epochs_each: epochs before the next block joins.
        k: blocks that join at most, from the last one down; None: all.

    Source: Howard and Ruder, Universal language model fine-tuning for text classification, ACL 2018.
    """

    name = "gradual_unfreeze"

    def __init__(self, epochs_each: int = 1, k: int | None = None) -> None:
        self.epochs_each, self.k = epochs_each, k

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Free the blocks of ``network`` that will have their turn; a callback holds them back until then.

        Raises:
            InputError: a setting makes no sense for this backbone.
        """
        if self.epochs_each < 1:
            raise InputError(f"gradual_unfreeze needs epochs_each of at least 1, got {self.epochs_each!r}. Choose 1.")
        levels = last_levels(parts_of(network)[0], blocks, self.k, self.name)
        chosen = [p for level in levels for p in level.parameters if trainable(p)]
        return moves(network, blocks, chosen, callbacks=(_Turns(levels[::-1], self.epochs_each),))


@final
class _Turns(Callback):
    """Holds back the levels, the last one first, whose turn has not come."""

    def __init__(self, levels: Sequence[Level], epochs_each: int) -> None:
        self.levels, self.epochs_each = levels, epochs_each

    def on_train_begin(self, state: TrainState) -> None:
        """A run that is taken up after its last epoch has what moved in that one."""
        self._free(state.epoch - bool(state.stopped_by))

    def on_epoch_begin(self, state: TrainState) -> None:
        """One turn more."""
        self._free(state.epoch)

    def on_diverged(self, state: TrainState) -> None:
        """The next optimizer is made of what may move now."""
        self._free(self.epochs_each * len(self.levels))

    def _free(self, epoch: int) -> None:
        for turn, level in enumerate(self.levels, start=1):
            for parameter in filter(trainable, level.parameters):
                parameter.requires_grad_(epoch >= turn * self.epochs_each)
