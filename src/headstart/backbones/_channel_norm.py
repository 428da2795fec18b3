"""Normalisation of each channel over time that leaves filled-up places out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """(n, channels, t) -> the same, each channel of each row with mean 0 and deviation 1 over its first places.

    A group normalisation with one group a channel reads the silence behind a clip too, so that its output would hang
    on what else is in the batch; this one reads ``n_valid`` places only.

    Args:
        norm: the group normalisation whose weights are taken.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.n_valid: Tensor | None = None
        """(n,) places of each row that are no filling; None for all."""

    def forward(self, x: Tensor) -> Tensor:
        """Scale what is no filling; the rest means nothing."""
        n_valid = self.n_valid if self.n_valid is not None else torch.full((len(x),), x.shape[2], device=x.device)
        is_valid = torch.arange(x.shape[2], device=x.device) < n_valid[:, None]
        weight = (is_valid / n_valid[:, None]).to(x.dtype).unsqueeze(1)  # (n, 1, t), sums to 1
        centred = x - (x * weight).sum(2, keepdim=True)
        variance = (centred.square() * weight).sum(2, keepdim=True)
        return centred * torch.rsqrt(variance + self.eps) * self.weight[:, None] + self.bias[:, None]
