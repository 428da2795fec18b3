"""The moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn


@final
class Ema:
    """After step t = 1, 2, ...: ``average = d * average + (1 - d) * weights``, ``d = min(decay, (1 + t) / (10 + t))``.

    Buffers are not averaged.

    Args:
        module: whose trainable parameters are averaged.
        decay: share of the average that stays, in 0..1.

    Source: Polyak and Juditsky 1992; the slow begin: TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average = {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after step number ``step``, from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters = dict(module.named_parameters())
        for name, average in self.average.items():
            average.lerp_(parameters[name].detach(), 1 - decay)

    def load(self, average: Mapping[str, Tensor]) -> None:
        """Take over an average of before."""
        for name, value in self.average.items():
            value.copy_(average[name])

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """The module has the averaged weights inside, its own afterwards."""
        parameters = dict(module.named_parameters())
        own = {name: parameters[name].detach().clone() for name in self.average}
        _copy(self.average, parameters)
        try:
            yield
        finally:
            _copy(own, parameters)


@torch.no_grad()
def _copy(values: Mapping[str, Tensor], parameters: Mapping[str, nn.Parameter]) -> None:
    for name, value in values.items():
        parameters[name].copy_(value)
