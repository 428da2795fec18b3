"""Small layers beside the layers move."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.moving._adapter import Adapted, Adapter, adaptable
from headstart.training.moving._levels import last_levels
from headstart.training.moving._moves import Moves, moves, parts_of


@final
class SideAdapters:
    """The head, and beside each layer of the blocks a small linear one, zero at the start, whose output is added.

    Nothing stands between the two, so that both merge into one weight exactly, which adapters with a nonlinearity do
    not. Beside a convolution of width k stands one of width 1 (of as many groups); it merges into the centre of the
    kernel. Beside a matrix, or a convolution of width 1, stands one with ``1 / parts`` of its weights: output o reads
    part ``o mod parts`` of the inputs alone; it merges into those entries. It is not bound to a low rank. A weight that
    would get one as large as itself stays as it is, and so does one that two layers share.

    Args:
        parts: into how many the inputs of a matrix are cut, from 2 on; their greatest common divisor with the number of
            inputs is taken.
        k: the last blocks that get adapters, all below may come from a cache; None: all.

    Source: Rebuffi, Bilen and Vedaldi, Efficient parametrization of multi-domain deep neural networks, CVPR 2018
    (parallel residual adapters); Luo et al., Towards efficient visual adaption via structural re-parameterization, 2023
    (sparse linear ones that merge).
    """

    name = "side_adapters"

    def __init__(self, parts: int = 8, k: int | None = None) -> None:
        self.parts, self.k = parts, k

    def apply(self, network: nn.Module, blocks: Mapping[str, nn.Module]) -> Moves:
        """Put adapters beside the layers of ``network``, which answers as before until they have learnt.

        Raises:
            InputError: a setting makes no sense for this backbone, or it has no layer that is large enough.
        """
        if self.parts < 2:
            raise InputError(f"side_adapters needs parts of at least 2, got {self.parts!r}. Choose 8, for example.")
        trunk, _ = parts_of(network)
        found: dict[nn.Module, dict[str, Adapter]] = {}
        levels = last_levels(trunk, blocks, self.k, self.name)
        for layer, name, weight in adaptable(trunk, [p for level in levels for p in level.parameters]):
            is_wide = weight[0, 0].numel() > 1
            parts = gcd(self.parts, weight.shape[1])
            if is_wide or parts > 1:
                found.setdefault(layer, {})[name] = _Centre(weight) if is_wide else _InParts(weight, parts)
        if not found:
            raise InputError("side_adapters needs layers with several inputs, got none. Choose another trainable.")
        adapted = Adapted(list(found.items()))
        return moves(network, blocks, adapted.parameters, merge=adapted.merge)


@final
class _Centre(Adapter):
    """A convolution of width 1 beside one with weight (out, in / groups, *width)."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.width = tuple(weight.shape[2:])
        self.matrix = nn.Parameter(weight.new_zeros(*weight.shape[:2], *[1] * len(self.width)))

    def change(self) -> Tensor:
        """(out, in / groups, *width), zero but in the centre."""
        sides = [side for k in reversed(self.width) for side in (k // 2, k - 1 - k // 2)]
        return functional.pad(self.matrix, sides)


@final
class _InParts(Adapter):
    """Beside a weight (out, in, *ones): output o reads part o mod ``parts`` of the inputs."""

    def __init__(self, weight: Tensor, parts: int) -> None:
        super().__init__()
        self.parts, self.shape = parts, tuple(weight.shape)
        self.matrix = nn.Parameter(weight.new_zeros(len(weight), weight.shape[1] // parts))

    def change(self) -> Tensor:
        """(out, in, *ones)."""
        turns = torch.arange(len(self.matrix), device=self.matrix.device) % self.parts
        is_read = functional.one_hot(turns, self.parts).to(self.matrix.dtype)  # (out, parts)
        return (is_read[:, :, None] * self.matrix[:, None, :]).reshape(self.shape)

    def through(self, layer: Any, x: Tensor) -> Tensor | None:
        """For matrices: one product a part."""
        if len(self.shape) > 2 or len(self.matrix) % self.parts:
            return None
        cut = x.reshape(*x.shape[:-1], self.parts, -1)  # (..., parts, in / parts)
        by_part = self.matrix.reshape(-1, self.parts, self.matrix.shape[1])  # (out / parts, parts, in / parts)
        added: Tensor = torch.einsum("...pi,opi->...op", cut, by_part)
        return added.flatten(-2)
