"""Attention pooling: which positions of a picture count is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, final

import torch
from torch import Tensor, nn

from headstart.errors import InputError

ATTENTION = "attention_pooling"
"""The block that is learnt."""


@final
class PositionAttention(nn.Module):
    """(b, t, dim) positions -> (b, dim), how far their weighted mean lies from the plain one; 0 at the start.

    Args:
        dim: width of a position.

    Source: Ilse, Tomczak and Welling, Attention-based deep multiple instance learning, ICML 2018, with one query.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(dim))

    def forward(self, positions: Tensor) -> Tensor:
        """(b, dim) differences."""
        scores = positions @ self.query / sqrt(positions.shape[2])  # (b, t)
        weights = torch.softmax(scores, dim=1) - 1 / positions.shape[1]
        return torch.einsum("bt,btd->bd", weights, positions)


@final
class AttentionPooled(nn.Module):
    """A backbone whose pooled features lean towards the positions that a learnt query finds.

    At the start they are the backbone's own, so that a head for these fits.

    Args:
        inner: inputs -> (b, dim) pooled features.
        blocks: its blocks.
        example: inputs of one example, to find the last block whose positions are as wide as the features.

    Raises:
        InputError: there is no such block.
    """

    def __init__(self, inner: nn.Module, blocks: Mapping[str, nn.Module], example: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.inner = inner
        name, dim = _last_positions(inner, blocks, example)
        self.attention = PositionAttention(dim)
        self._taken: Tensor | None = None
        blocks[name].register_forward_hook(self._take)

    def forward(self, *inputs: Tensor) -> Tensor:
        """(b, dim) features."""
        pooled: Tensor = self.inner(*inputs)
        assert self._taken is not None, "the block was passed"
        taken, self._taken = self._taken, None
        away: Tensor = self.attention(_positions(taken))
        return pooled + away

    def _take(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._taken = output


def _last_positions(inner: nn.Module, blocks: Mapping[str, nn.Module], example: tuple[Tensor, ...]) -> tuple[str, int]:
    """Name of the block, and the width of its positions."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                shapes[name] = tuple(output.shape)

        return hook

    hooks = [block.register_forward_hook(note(name)) for name, block in blocks.items()]
    try:
        with torch.inference_mode():
            dim = int(inner(*example).shape[1])
    finally:
        for hook in hooks:
            hook.remove()
    for name, shape in reversed(list(shapes.items())):
        if (len(shape) == 4 and shape[1] == dim) or (len(shape) == 3 and shape[2] == dim):
            return name, dim
    raise InputError(
        f"FineTune needs a backbone whose last positions are as wide as its {dim} features for pooling='attention', "
        "got another. Take pooling='mean'."
    )


def _positions(taken: Tensor) -> Tensor:
    """(b, t, dim)."""
    return taken.flatten(2).transpose(1, 2) if taken.ndim == 4 else taken
