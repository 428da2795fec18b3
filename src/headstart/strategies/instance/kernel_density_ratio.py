"""The ratio of two kernel density estimates."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.kernel_means import drawn_rows
from headstart.strategies._mathematics.kernels import squared_distances
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

BLOCK_ELEMENTS = 4_000_000


class KernelDensityRatio(Weighting):
    """Two Gaussian kernel density estimates of one bandwidth, on features scaled by their deviation over both domains.

    A source row is among the rows of its own density, which keeps the ratio of lonely rows small.

    Args:
        bandwidth: in deviations, or "scott", ``n^(-1 / (d + 4))`` with n of the smaller domain.
        n_centres: rows of each domain that carry a kernel at most.
        random_state: seed of that draw.

    Source: Scott, Multivariate Density Estimation, Wiley 1992.
    """

    name: ClassVar[str] = "kernel_density_ratio"

    def __init__(
        self, bandwidth: float | str = "scott", *, n_centres: int = 5000, random_state: int | None = 0
    ) -> None:
        self.bandwidth = bandwidth
        self.n_centres = n_centres
        self.random_state = random_state

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        n, m = pair.n_source, pair.n_target
        drawn = [
            drawn_rows(X, self.n_centres, self.random_state).astype(np.float64) for X in (pair.source, pair.target)
        ]
        scale = np.concatenate(drawn).std(axis=0)
        scale[scale <= 1e-12 * np.abs(drawn[0]).max(axis=0)] = np.inf  # constant features say nothing
        self.bandwidth_ = self._bandwidth(min(n, m), pair.source.shape[1])
        unit = 1 / (scale * self.bandwidth_)
        logs = [_log_mean_kernel(pair.source, rows * unit, unit) for rows in drawn]
        difference = logs[1] - logs[0]
        return np.asarray(np.exp(difference - difference.max()))

    def _bandwidth(self, n: int, d: int) -> float:
        if self.bandwidth == "scott":
            return float(n ** (-1 / (d + 4)))
        if isinstance(self.bandwidth, str) or not self.bandwidth > 0:
            what = f"KernelDensityRatio needs bandwidth 'scott' or above 0, got {self.bandwidth!r}"
            raise InputError(f"{what}. Use 'scott'.")
        return float(self.bandwidth)


def _log_mean_kernel(X: NDArray[Any], centres: NDArray[np.float64], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) log of the mean Gaussian around scaled centres at (n, d) rows, which are scaled here."""
    from scipy.special import logsumexp

    height = max(1, BLOCK_ELEMENTS // len(centres))
    parts = [
        logsumexp(-squared_distances(X[start : start + height] * unit, centres) / 2, axis=1)
        for start in range(0, len(X), height)
    ]
    return np.concatenate(parts) - float(np.log(len(centres)))
