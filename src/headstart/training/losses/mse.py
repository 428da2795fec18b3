"""Squared error."""

from __future__ import annotations

from torch import Tensor


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """(b,) mean over the columns of the squared differences of (b,) or (b, k) outputs and targets."""
    return (outputs.float() - targets).square().reshape(len(targets), -1).mean(dim=1)
