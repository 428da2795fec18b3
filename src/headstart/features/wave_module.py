"""A backbone of sound with its pooling inside: samples in, one row of features out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.backbone import OpenBackbone
from headstart.errors import UnknownNameError


class WaveModule(nn.Module):
    """(n, samples) float32 and (n,) int64 samples that are no filling -> (n, dim) float32.

    Args:
        opened: the backbone's module and its blocks. The module gives (n, dim), or (n, t, dim) states of which the
            first ``module.n_states(n_samples)``, or all, mean something. ``module.time_last`` names the beginnings of
            blocks that give (n, dim, t).
        pooling: "mean" or "max" over the states.
        layer: name of the block whose output is taken, or None for the last.
    """

    def __init__(self, opened: OpenBackbone, pooling: str, layer: str | None = None) -> None:
        super().__init__()
        if layer is not None and layer not in opened.blocks:
            raise UnknownNameError("Encoder layer", layer, opened.blocks)
        self.module: Any = opened.module.eval()
        self.pooling, self.layer = pooling, layer
        self._taken: Tensor | None = None
        if layer is not None:
            opened.blocks[layer].register_forward_hook(self._take)

    def _take(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._taken = output[0] if isinstance(output, (tuple, list)) else output

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """Features of a batch of windows."""
        states: Tensor = self.module(waves, n_samples)
        n_last = states.shape[1]
        if self.layer is not None:
            assert self._taken is not None
            is_time_last = self.layer.startswith(getattr(self.module, "time_last", ()))
            states = _states(self._taken, len(waves), is_time_last=is_time_last)
        if states.ndim == 2:
            return states
        is_state = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
        if hasattr(self.module, "n_states") and states.shape[1] == n_last:
            is_state = torch.arange(n_last, device=states.device) < self.module.n_states(n_samples)[:, None]
        return _pooled(states, is_state.unsqueeze(-1), self.pooling)


def _states(taken: Tensor, n: int, *, is_time_last: bool) -> Tensor:
    """(n, t, dim) of what a block gives, which may be a picture, and several for each window."""
    if taken.ndim > 3 or (taken.ndim == 3 and is_time_last):  # (n, dim, h, w) or (n, dim, t) of a convolution
        taken = taken.flatten(2).transpose(1, 2)
    return taken.reshape(n, -1, taken.shape[-1])


def _pooled(states: Tensor, is_state: Tensor, pooling: str) -> Tensor:
    if pooling == "max":
        return torch.where(is_state, states, torch.finfo(states.dtype).min).amax(1)
    weight = is_state.to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)
