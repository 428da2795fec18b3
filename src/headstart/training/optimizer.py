"""AdamW over the trainable weights, matrices decayed and vectors not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from headstart.errors import InputError
from headstart.training.settings import TrainSettings

RateOf = Callable[[str], float]
"""Name of a parameter -> what its learning rate is multiplied with."""


def make_optimizer(module: nn.Module, settings: TrainSettings, rate_of: RateOf | None = None) -> torch.optim.Optimizer:
    """AdamW in groups of one rate and one decay each.

    Args:
        module: whose parameters with ``requires_grad`` move.
        settings: ``learning_rate`` and ``weight_decay``.
        rate_of: name -> factor of the rate; None: 1 for all.

    Raises:
        InputError: no parameter may move.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((1.0 if rate_of is None else rate_of(name), decay), []).append(parameter)
    if not groups:
        raise InputError("Training needs a weight that may move, got none. Unfreeze a part of the module.")
    made: list[dict[str, Any]] = [
        {"params": parameters, "weight_decay": decay, "rate": rate} for (rate, decay), parameters in groups.items()
    ]
    return torch.optim.AdamW(made, lr=settings.learning_rate)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group ``rate`` times its factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate"]
