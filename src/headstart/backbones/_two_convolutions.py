"""The two-convolution network of the textbooks, without its last layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DIM = 128
_GRID = 4


class TwoConvolutions(nn.Module):
    """(n, 3, h, w) -> (n, 128): convolution, pooling, convolution, pooling, dense.

    Before the dense layer there is a mean over a grid of 4 x 4 parts, so pictures of any size from 4 x 4 pixels pass.

    Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 1998.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.conv2 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.dense = nn.Linear(64 * _GRID**2, DIM)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of a batch of pictures of one size."""
        maps = self.conv2(self.conv1(pictures))  # (n, 64, h // 4, w // 4)
        parts = nn.functional.adaptive_avg_pool2d(maps, _GRID)
        return torch.relu(self.dense(parts.flatten(1)))
