"""Which example is not finite."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from headstart.errors import InputError
from headstart.training.batches import Batch


def check_finite(batch: Batch) -> None:
    """Look at inputs, targets and weights.

    Raises:
        InputError: one is not finite; the example is named.
    """
    parts = {"inputs": batch.inputs, "targets": batch.targets, "weights": (batch.weights,)}
    for what, tensors in parts.items():
        for tensor in tensors:
            place = None if tensor is None else first_not_finite(tensor)
            if place is not None:
                raise InputError(
                    f"Training needs finite {what}, got a number that is not in example {batch.rows[place]} "
                    "(counted from 0). Correct it or leave it out."
                )


def first_not_finite(tensor: Tensor) -> int | None:
    """Place of the first of the examples that holds a number that is not finite; None: all are."""
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor.sum(dtype=torch.float64))):
        return None
    bad = ~torch.isfinite(tensor.reshape(len(tensor), -1)).all(dim=1)
    places = np.flatnonzero(bad.cpu().numpy())
    return int(places[0]) if len(places) else None
