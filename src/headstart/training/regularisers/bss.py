"""Batch spectral shrinkage: directions of the features that hardly carry anything are given up."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.batches import Batch
from headstart.training.penalty import Penalty


@final
class BSS(Penalty):
    """``weight`` times the sum of the squares of the ``k`` smallest singular values of the batch's (b, dim) features.

    A batch that passes in parts has the weighted mean of the parts' penalties, which is not that of the whole.

    Args:
        weight: at least 0.
        k: singular values that are shrunk, at least 1.

    Raises:
        InputError: a setting makes no sense.

    Source: Chen, Wang, Fu, Long and Wang, Catastrophic forgetting meets negative transfer: batch spectral shrinkage
    for safe transfer learning, NeurIPS 2019.
    """

    name: ClassVar[str] = "bss"

    def __init__(self, *, weight: float = 1e-3, k: int = 1) -> None:
        if not (weight >= 0 and k >= 1):
            raise InputError(f"bss needs a weight of at least 0 and k of at least 1, got {weight!r} and {k!r}.")
        self.weight = weight
        self.k = k

    def penalty(self, network: nn.Module, batch: Batch, features: Tensor, scores: Tensor) -> Tensor:
        """A scalar."""
        values: Tensor = torch.linalg.svdvals(features)  # (min(b, dim),), falling
        return self.weight * values[-self.k :].square().sum()
