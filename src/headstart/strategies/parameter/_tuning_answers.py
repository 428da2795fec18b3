"""Scores of raw examples by a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

    from headstart.training.trunk import Trunk

_CHUNK = 2048
"""Examples that are prepared together, so that memory stays flat."""
_BATCH = 32


def scores_of(
    network: nn.Module,
    trunk: Trunk,
    examples: Sequence[Any],
    width: int,
    positions: NDArray[np.int64] | None = None,
) -> Tensor:
    """(n, width) outputs in the order of the examples, in evaluation mode, on the CPU.

    Args:
        network: takes what ``trunk`` prepares.
        trunk: prepares.
        examples: n raw ones.
        width: of a row of outputs.
        positions: (n,) what messages call the examples; None: their row numbers.

    Raises:
        InputError: an example cannot be read.
    """
    import torch

    names = np.arange(len(examples)) if positions is None else positions
    chunks = [slice(begin, begin + _CHUNK) for begin in range(0, len(examples), _CHUNK)]
    parts = [_chunk(network, trunk, examples[chunk], names[chunk]) for chunk in chunks]
    return torch.cat(parts) if parts else torch.zeros((0, width))


def features_of(
    trunk: Trunk, examples: Sequence[Any], positions: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """(n, dim) features of the trunk as it is."""
    rows: NDArray[np.float32] = scores_of(trunk.module, trunk, examples, 0, positions).float().numpy()
    return rows


def _chunk(network: nn.Module, trunk: Trunk, examples: Sequence[Any], positions: NDArray[np.int64]) -> Tensor:
    import torch

    from headstart.training.batches import Batch, Batches
    from headstart.training.forward import outputs_of

    loader = trunk.loader(examples, is_kept=False, positions=positions)
    order = np.arange(len(examples))
    if loader.lengths is not None:
        order = np.argsort(loader.lengths, kind="stable")

    def load(rows: NDArray[np.int64], epoch: int) -> Batch:
        return Batch(loader(order[rows], 0), (), order[rows])

    found = outputs_of(network, Batches(load, len(examples), _BATCH))
    return found[torch.from_numpy(np.argsort(order))]
