"""Two sounds of a batch in one, and how much of the first is left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.training.augmentation._augmentation import Inputs
from headstart.training.augmentation._windows import each_window

Join = Callable[[Tensor, Tensor], float]
"""``join(own, other)``: put of ``other`` (..., common) into ``own`` (..., length) in place, the beginnings aligned, and
say how much of the last axis' length that makes."""


def join_sounds(inputs: Inputs, order: NDArray[np.int64], kind: str, join: Join) -> tuple[Inputs, Tensor]:
    """Each sound joined with the one at its place in ``order``, window by window, as far as both last.

    Args:
        inputs: contents and counts; not changed.
        order: (b,) places.
        kind: "mels" or "waves".
        join: see :data:`Join`.

    Returns:
        The inputs, and (b,) the share of its own in each sound.
    """
    contents = inputs[0].clone(memory_format=torch.contiguous_format)
    owns, others = (_by_example(part, inputs[1], kind) for part in (contents, inputs[0].contiguous()))
    shares = torch.ones(len(contents))
    for place, windows in enumerate(owns):
        taken = sum(
            join(own, other[..., : own.shape[-1]])
            for own, other in zip(windows, others[int(order[place])], strict=False)
        )
        shares[place] = 1 - taken / max(1, sum(own.shape[-1] for own in windows))
    return (contents, *inputs[1:]), shares


def _by_example(contents: Tensor, counts: Tensor, kind: str) -> list[list[Tensor]]:
    found: list[list[Tensor]] = [[] for _ in range(len(contents))]
    for place, window, length in each_window(contents, counts, kind):
        found[place].append(window[..., :length])
    return found
