"""What can listen to the gradient loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headstart.training.state import TrainState


class Callback:
    """Empty hooks; a callback fills in those it needs. What it changes in the module or optimizer takes effect.

    A resumed run calls the hooks of the steps that are left only.
    """

    def on_train_begin(self, state: TrainState) -> None:
        """Before the first step, or before the first step of a resumption."""

    def on_epoch_begin(self, state: TrainState) -> None:
        """The module is in training mode."""

    def on_gradients(self, state: TrainState) -> None:
        """The gradients of a step stand, before they are clipped."""

    def on_step_end(self, state: TrainState) -> None:
        """The weights have moved."""

    def on_epoch_end(self, state: TrainState) -> None:
        """The epoch is recorded: ``state.records[-1]``."""

    def on_diverged(self, state: TrainState) -> None:
        """A run was stopped: ``state.retries[-1]``; the next one begins from the first weights."""

    def on_train_end(self, state: TrainState) -> None:
        """The module has its final weights."""
