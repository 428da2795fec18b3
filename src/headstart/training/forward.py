"""A module's outputs and mean loss, without gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from headstart.training.batches import Batches

Loss = Callable[..., Tensor]
"""``loss(outputs, *targets) -> (b,)``."""


def device_of(module: nn.Module) -> torch.device:
    """Where the module's weights are."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))


@torch.inference_mode()
def outputs_of(module: nn.Module, batches: Batches) -> Tensor:
    """(n, ...) outputs in the order of the rows, in evaluation mode, on the CPU."""
    was_training, device = module.training, device_of(module)
    module.eval()
    try:
        return torch.cat([module(*batch.to(device).inputs).cpu() for batch in batches.in_order()])
    finally:
        module.train(was_training)


@torch.inference_mode()
def mean_loss(module: nn.Module, batches: Batches, loss: Loss) -> float:
    """The weighted mean loss over all examples, in evaluation mode."""
    was_training, device = module.training, device_of(module)
    module.eval()
    total = weight = 0.0
    try:
        for batch in batches.in_order():
            moved = batch.to(device)
            losses = loss(module(*moved.inputs), *moved.targets).double()
            weights = torch.ones_like(losses) if moved.weights is None else moved.weights.double()
            total, weight = total + float(losses @ weights), weight + float(weights.sum())
    finally:
        module.train(was_training)
    return total / max(weight, 1e-300)
