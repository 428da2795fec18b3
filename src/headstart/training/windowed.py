"""A backbone that reads an example in windows: the features of an example are the weighted mean of its windows'."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

Inputs = tuple[Tensor, ...]


@final
class Windowed(nn.Module):
    """(b, ...) inputs of one window each, or (b, n_windows, ...) of several -> (b, dim) float32.

    Args:
        inner: (m, ...) windows -> (m, dim).
        n_axes: axes of the first input where each example has one window.
        weigh: (m, ...) windows -> (m,) what each counts in the mean, 0 where none stands; None: all the same.
        length_of: (m, ...) windows -> (m,) how much of the first input's last axis counts. Windows of one length then
            go through ``inner`` together and cut to it, for backbones that hear the silence behind. None: all together.
        is_normalised: True where features are scaled to length 1.
        is_in_order: True where the features of the windows stand side by side instead of being averaged.
    """

    def __init__(
        self,
        inner: nn.Module,
        *,
        n_axes: int,
        weigh: Callable[[Inputs], Tensor] | None = None,
        length_of: Callable[[Inputs], Tensor] | None = None,
        is_normalised: bool = False,
        is_in_order: bool = False,
    ) -> None:
        super().__init__()
        self.inner = inner
        self.n_axes, self.weigh, self.length_of = n_axes, weigh, length_of
        self.is_normalised, self.is_in_order = is_normalised, is_in_order

    def forward(self, *inputs: Tensor) -> Tensor:
        """(b, dim) features."""
        if inputs[0].ndim == self.n_axes:
            return self._scaled(self._rows(inputs))
        b, n = inputs[0].shape[:2]
        windows = tuple(part.flatten(0, 1) for part in inputs)
        weight = torch.ones(b * n, device=inputs[0].device) if self.weigh is None else self.weigh(windows).float()
        there = weight.nonzero().squeeze(1)
        rows = self._rows(tuple(part[there] for part in windows))
        if self.is_in_order:
            return self._scaled(rows.reshape(b, -1))
        total = rows.new_zeros(b, rows.shape[1]).index_add(
            0, there // n, rows * weight[there, None].to(rows.dtype)
        )  # (b, dim)
        return self._scaled(total / weight.view(b, n).sum(1, keepdim=True).to(rows.dtype))

    def _rows(self, windows: Inputs) -> Tensor:
        """(m, dim) features of m windows."""
        if self.length_of is None:
            rows: Tensor = self.inner(*windows)
            return rows
        lengths = self.length_of(windows)
        found, places = [], []
        for length in torch.unique(lengths).tolist():
            place = (lengths == length).nonzero().squeeze(1)
            first, *others = (part[place] for part in windows)
            found.append(self.inner(first[..., :length], *others))
            places.append(place)
        return found[0] if len(found) == 1 else torch.cat(found)[torch.argsort(torch.cat(places))]

    def _scaled(self, rows: Tensor) -> Tensor:
        return functional.normalize(rows, dim=1, eps=1e-12) if self.is_normalised else rows
