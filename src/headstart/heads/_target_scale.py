"""Numbers to predict, brought to mean 0 and deviation 1 and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TargetScale:
    """A shift and a unit."""

    mean: float
    scale: float

    @classmethod
    def of(cls, y: NDArray[np.float64], weights: NDArray[np.float64]) -> TargetScale:
        """The weighted mean of (n,) numbers and their deviation, 1 where they are all alike."""
        share = weights / weights.sum()
        mean = float(share @ y)
        scale = float(np.sqrt(share @ np.square(y - mean)))
        return cls(mean, scale if scale > 1e-12 * max(abs(mean), 1e-300) else 1.0)

    def into(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) numbers in this unit."""
        return np.asarray((y - self.mean) / self.scale)

    def back(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) numbers as they came."""
        return np.asarray(self.mean + self.scale * values.astype(np.float64))
