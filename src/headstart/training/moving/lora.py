"""Low-rank changes of the weights move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.moving._adapter import Adapted, Adapter, adaptable
from headstart.training.moving._levels import last_levels
from headstart.training.moving._moves import Moves, moves, parts_of

_CONVOLUTIONS = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}


@final
class Lora:
    """The head, and for each matrix ``W`` a pair of rank r: ``W + alpha / r * up @ down``, ``up`` zero at the start.

    Linear layers and the attention of timm, Transformers and torch, packed or not, get such a pair. A convolution of
    width k gets one of width k to r channels and one of width 1 back; in a grouped one, each group its own. A weight
    that is no larger than its pair stays as it is (depthwise convolutions), and so does one that two layers share.

    Args:
        rank: r.
        alpha: scale of the change; 2 r where None.
        k: the last blocks that get pairs, all below may come from a cache; None: all.
        random_state: seed of ``down``.

    Source: Hu et al., LoRA: low-rank adaptation of large language models, ICLR 2022.
    """

    name = "lora"

    def __init__(self, rank: int = 8, alpha: float | None = None, k: int | None = None, random_state: int = 0) -> None:
        self.rank, self.alpha, self.k, self.random_state = rank, alpha, k, random_state

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Put pairs beside the weights of ``network``, which answers as before until they have learnt.

        Raises:
            InputError: a setting makes no sense for this backbone, or it has no weight that is large enough.
        """
        alpha = 2.0 * self.rank if self.alpha is None else self.alpha
        if self.rank < 1 or alpha <= 0:
            raise InputError(
                f"lora needs rank of at least 1 and alpha above 0, got {self.rank} and {alpha}. Raise them."
            )
        trunk, _ = parts_of(network)
        draw = torch.Generator().manual_seed(self.random_state)
        found: dict[nn.Module, dict[str, Adapter]] = {}
        levels = last_levels(trunk, blocks, self.k, self.name)
        for layer, name, weight in adaptable(trunk, [p for level in levels for p in level.parameters]):
            groups = getattr(layer, "groups", 1)
            if _n_low_rank(weight, self.rank, groups) < weight.numel():
                found.setdefault(layer, {})[name] = _LowRank(weight, self.rank, groups, alpha / self.rank, draw)
        if not found:
            raise InputError(f"lora needs weights larger than a pair of rank {self.rank}, got none. Lower rank.")
        adapted = Adapted(list(found.items()))
        return moves(network, blocks, adapted.parameters, merge=adapted.merge)


def _n_low_rank(weight: Tensor, rank: int, groups: int) -> int:
    return rank * (groups * weight[0].numel() + len(weight))


@final
class _LowRank(Adapter):
    """A pair for a weight (out, in / groups, *width)."""

    def __init__(self, weight: Tensor, rank: int, groups: int, scale: float, draw: torch.Generator) -> None:
        super().__init__()
        self.groups, self.scale = groups, scale
        bound = weight[0].numel() ** -0.5
        down = torch.empty(groups * rank, *weight.shape[1:]).uniform_(-bound, bound, generator=draw)
        self.down = nn.Parameter(down.to(weight))  # (groups * r, in / groups, *width)
        self.up = nn.Parameter(weight.new_zeros(len(weight), rank, *[1] * (weight.ndim - 2)))  # (out, r, *ones)

    def change(self) -> Tensor:
        """(out, in / groups, *width), group by group."""
        rank = self.up.shape[1]
        up, down = self.up.reshape(self.groups, -1, rank), self.down.reshape(self.groups, rank, -1)
        return self.scale * (up @ down).reshape(len(self.up), *self.down.shape[1:])

    def through(self, layer: Any, x: Tensor) -> Tensor:
        """Down and up, never as wide as the weight."""
        if self.up.ndim == 2:
            return self.scale * functional.linear(functional.linear(x, self.down), self.up)
        between = layer._conv_forward(x, self.down, None)
        return self.scale * _CONVOLUTIONS[self.up.ndim](between, self.up, groups=self.groups)
