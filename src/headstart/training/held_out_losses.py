"""Losses of held-out examples one by one, and whether other weights beat them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.training.batches import Batches
from headstart.training.forward import Loss, device_of


@final
@dataclass(frozen=True, eq=False)
class HeldOutLosses:
    """What a network loses on each held-out example.

    Args:
        losses: (n,) losses.
        weights: (n,) weights of the examples.
    """

    losses: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The weighted mean."""
        return float(np.average(self.losses, weights=self.weights))

    def is_beaten_by(self, other: HeldOutLosses) -> bool:
        """True where the other's mean is lower by more than one standard error of the paired differences.

        >>> one = HeldOutLosses(np.array([1.0, 1.1, 0.9, 1.0]), np.ones(4))
        >>> lucky = HeldOutLosses(np.array([0.0, 1.2, 1.0, 1.1]), np.ones(4))
        >>> one.is_beaten_by(lucky), one.is_beaten_by(HeldOutLosses(one.losses - 0.1, np.ones(4)))
        (False, True)
        """
        share = self.weights / self.weights.sum()
        gains = self.losses - other.losses
        mean = float(share @ gains)
        error = float(np.sqrt((share**2) @ np.square(gains - mean)))
        return mean > 0 and mean > error


@torch.inference_mode()
def held_out_losses(module: nn.Module, batches: Batches, loss: Loss) -> HeldOutLosses:
    """The losses of all examples as they stand, in evaluation mode; the mode is as before afterwards."""
    was_training, device = module.training, device_of(module)
    module.eval()
    losses: list[NDArray[np.float64]] = []
    weights: list[NDArray[np.float64]] = []
    try:
        for batch in batches.in_order():
            moved = batch.to(device)
            found = loss(module(*moved.inputs), *moved.targets).double()
            losses.append(found.cpu().numpy())
            given = torch.ones_like(found) if moved.weights is None else moved.weights.double()
            weights.append(given.cpu().numpy())
    finally:
        module.train(was_training)
    return HeldOutLosses(np.concatenate(losses), np.concatenate(weights))
