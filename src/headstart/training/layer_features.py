"""What every block of a trunk gives, each pooled to about one size and to length 1, side by side."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.training.trunk import Trunk
from headstart.training.windowed import Windowed


def layer_features(trunk: Trunk, *, layer_size: int) -> nn.Module:
    """The trunk's inputs -> (b, total) features of all its blocks; of several windows, their mean.

    Args:
        trunk: frozen here or not; it is run as it is.
        layer_size: most features of a block, where it has not more channels.
    """
    if not isinstance(trunk.module, Windowed):
        return LayerFeatures(trunk.module, trunk.blocks, layer_size)
    whole = copy.copy(trunk.module)
    whole._modules = {"inner": LayerFeatures(trunk.module.inner, trunk.blocks, layer_size)}
    whole.is_normalised = whole.is_in_order = False
    return whole


@final
class LayerFeatures(nn.Module):
    """Inputs -> (b, total) float32.

    Args:
        module: a backbone with its normalisation.
        blocks: name -> submodule of it; those that are never called are left out.
        layer_size: most features of a block, where it has not more channels.
    """

    def __init__(self, module: nn.Module, blocks: Mapping[str, nn.Module], layer_size: int) -> None:
        super().__init__()
        self.module, self.layer_size = module, layer_size
        self.sizes: dict[str, int] = {}
        object.__setattr__(self, "_blocks", dict(blocks))

    def extra_repr(self) -> str:
        """What decides the features beside the module."""
        return f"blocks={list(self.__dict__['_blocks'])}, layer_size={self.layer_size}"

    def forward(self, *inputs: Tensor) -> Tensor:
        """The features; ``sizes`` then says which block has how many, in order."""
        taken: dict[str, Tensor] = {}
        handles = [block.register_forward_hook(_taker(taken, name)) for name, block in self.__dict__["_blocks"].items()]
        try:
            last = self.module(*inputs)
        finally:
            for handle in handles:
                handle.remove()
        share = _share_of_positions(self.module, inputs, taken)
        pooled = {name: self._pooled(name, tensor, share, len(last)) for name, tensor in taken.items()}
        self.sizes = {name: rows.shape[1] for name, rows in pooled.items()}
        return torch.cat([functional.normalize(rows.float(), dim=1) for rows in pooled.values()], dim=1)

    def _pooled(self, name: str, tensor: Tensor, share: Tensor | None, n: int) -> Tensor:
        """(n, size) of one block."""
        if tensor.ndim <= 2:
            return tensor.reshape(n, -1)
        positions = _channels_first(tensor, isinstance(self.__dict__["_blocks"][name], nn.Conv1d))
        room = max(1, self.layer_size // positions.shape[1])
        if share is not None and len(positions) == len(share):
            return _mean(positions.flatten(2), share)
        if positions.ndim == 4:
            side = max(1, min(isqrt(room), *positions.shape[2:]))
            positions = functional.adaptive_avg_pool2d(positions, side)
        else:
            flat = positions.flatten(2)
            positions = functional.adaptive_avg_pool1d(flat, max(1, min(room, flat.shape[2])))
        return positions.reshape(n, -1)


def _taker(taken: dict[str, Tensor], name: str) -> Any:
    def take(block: nn.Module, args: Any, output: Any) -> None:
        found = output[0] if isinstance(output, (tuple, list)) else output
        if isinstance(found, Tensor) and found.is_floating_point() and name not in taken:
            taken[name] = found

    return take


def _channels_first(tensor: Tensor, is_convolution: bool) -> Tensor:
    if tensor.ndim == 3:  # (b, t, dim), or (b, dim, t) of a convolution over time
        return tensor if is_convolution else tensor.transpose(1, 2)
    is_last = tensor.ndim == 4 and tensor.shape[1] == tensor.shape[2] != tensor.shape[3]  # (b, h, w, dim)
    return tensor.permute(0, 3, 1, 2) if is_last else tensor


def _share_of_positions(module: nn.Module, inputs: Sequence[Tensor], taken: Mapping[str, Tensor]) -> Tensor | None:
    """(b,) share of the positions that mean something, the first ones; None where all do."""
    if len(inputs) < 2:
        return None
    if inputs[1].ndim == 2:  # a mask of tokens
        return inputs[1].float().mean(1)
    n = inputs[1].float()
    sequences = [tensor.shape[1] for tensor in taken.values() if tensor.ndim == 3]
    if not inputs[0].ndim == 2:  # states of spectrograms
        return n / max(sequences[-1] if sequences else 1, 1)
    return n / inputs[0].shape[1]  # samples


def _mean(positions: Tensor, share: Tensor) -> Tensor:
    """(b, dim) mean over the first ``share`` of (b, dim, t)."""
    t = positions.shape[2]
    n = torch.ceil(share * t - 1e-4).clamp(1, t)
    weight = (torch.arange(t, device=positions.device) < n[:, None]).to(positions.dtype)
    return (positions * weight[:, None]).sum(2) / weight.sum(1, keepdim=True)
