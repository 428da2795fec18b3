"""Features brought to a common scale in front of a head, so that one learning rate suits every backbone."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_LEAST_SCALE = 1e-3
"""Of the median scale; what lies below is rounding, which any step of the trunk would blow up."""


@final
class FeatureScale(nn.Module):
    """``(features - mean) * factor``; both are fixed, and 0 and 1 before :meth:`set`.

    Args:
        dim: width of the features.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.factor: Tensor
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.ones(dim))

    def set(self, mean: NDArray[np.floating], scale: NDArray[np.floating]) -> None:
        """Take over (d,) means, and (d,) scales, infinite for features that do not count.

        Dead features do not count either: those whose scale is below a thousandth of the median scale.
        """
        given = np.asarray(scale, dtype=np.float64)
        finite = given[np.isfinite(given)]
        least = _LEAST_SCALE * float(np.median(finite)) if len(finite) else 0.0
        self.mean.copy_(torch.from_numpy(np.asarray(mean)))
        self.factor.copy_(torch.from_numpy(np.where(given < least, 0.0, 1.0 / given)))

    def forward(self, features: Tensor) -> Tensor:
        """(b, dim) scaled features."""
        return (features - self.mean) * self.factor
