"""The network as pre-training left it: a frozen copy, and what it says of each example."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.batches import Batch, Batches
from headstart.training.forward import device_of


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose weights do not move."""
    return deepcopy(module).eval().requires_grad_(False)


@final
@dataclass(frozen=True, eq=False)
class Remembered:
    """Values that were computed once for each example.

    Args:
        who: for messages.
        rows: (n,) row numbers, sorted.
        values: (n, k).
    """

    who: str
    rows: NDArray[np.int64]
    values: Tensor

    def of(self, batch: Batch) -> Tensor:
        """(b, k) values of the examples of a batch, on its device.

        Raises:
            InputError: an example is another one than in the beginning.
        """
        places = np.minimum(np.searchsorted(self.rows, batch.rows), len(self.rows) - 1)
        strange = np.flatnonzero(self.rows[places] != batch.rows)
        if len(strange):
            raise InputError(
                f"{self.who} needs the examples that it began with, got example {batch.rows[strange[0]]}. "
                "Call begin with all training examples."
            )
        return self.values[torch.from_numpy(places)].to(batch.inputs[0].device)


@torch.no_grad()
def remember_features(who: str, trunk: nn.Module, batches: Batches) -> tuple[Remembered, tuple[Tensor, ...]]:
    """The trunk's features of every example, in evaluation mode, and the targets in the order of the rows."""
    was_training, device = trunk.training, device_of(trunk)
    trunk.eval()
    rows, values, targets = [], [], []
    try:
        for batch in batches.in_order():
            rows.append(batch.rows)
            values.append(trunk(*batch.to(device).inputs).float().cpu())
            targets.append(batch.targets)
    finally:
        trunk.train(was_training)
    order = np.argsort(np.concatenate(rows), kind="stable")
    places = torch.from_numpy(order)
    wanted = tuple(torch.cat(parts)[places] for parts in zip(*targets, strict=True))
    return Remembered(who, np.concatenate(rows)[order].astype(np.int64), torch.cat(values)[places]), wanted


def trunk_of(who: str, network: nn.Module) -> nn.Module:
    """The part of a network that gives features.

    Raises:
        InputError: it has none.
    """
    trunk = getattr(network, "trunk", None)
    if not isinstance(trunk, nn.Module):
        raise InputError(f"{who} needs a network with a trunk and a head, got {type(network).__name__}. Pass a Tuned.")
    return trunk
