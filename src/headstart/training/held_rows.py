"""Rows of an output layer that stay while the others are trained."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from headstart.training.callback import Callback
from headstart.training.state import TrainState


@final
class HeldRows(Callback):
    """Puts rows back after each step.

    Args:
        output: a linear layer with a row a class.
        is_held: (n_classes,) True for rows that stay.
    """

    def __init__(self, output: Any, is_held: Tensor) -> None:
        self.is_held = is_held
        self.parameters = [p for p in (output.weight, output.bias) if p is not None]
        self.before = [p.detach()[is_held].clone() for p in self.parameters]

    @torch.no_grad()
    def on_step_end(self, state: TrainState) -> None:
        """The weights have moved."""
        for parameter, before in zip(self.parameters, self.before, strict=True):
            parameter[self.is_held] = before
