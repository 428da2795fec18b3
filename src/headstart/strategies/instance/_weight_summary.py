"""What is told about weights: how many rows they are worth, how they spread, which were clipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

N_BINS = 20


@dataclass(frozen=True, eq=False)
class WeightSummary:
    """The weights of a fit at a glance.

    Args:
        n: rows.
        effective_sample_size: 1..n, how many equal rows carry as much.
        n_clipped: rows at the largest weight that was allowed.
        n_zero: rows without weight.
        largest: the largest weight; the mean is 1.
        edges: (n_bins + 1,) of the histogram.
        counts: (n_bins,) rows in each bin.
    """

    n: int
    effective_sample_size: float
    n_clipped: int
    n_zero: int
    largest: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def is_collapsed(self) -> bool:
        """True where a few rows carry nearly everything."""
        return self.effective_sample_size < max(0.02 * self.n, min(10.0, 0.1 * self.n))

    def __str__(self) -> str:
        """One line for people."""
        told = f"{self.n:,} rows worth {self.effective_sample_size:,.1f}, largest weight {self.largest:.3g}"
        return f"{told}, {self.n_zero:,} at 0, {self.n_clipped:,} clipped"


def summarise(weights: NDArray[Any], *, n_clipped: int = 0) -> WeightSummary:
    """The summary of (n,) weights of mean 1."""
    exact = np.asarray(weights, dtype=np.float64)
    counts, edges = np.histogram(exact, bins=N_BINS, range=(0.0, max(float(exact.max()), 1e-12)))
    return WeightSummary(
        n=len(exact),
        effective_sample_size=effective_sample_size(exact),
        n_clipped=n_clipped,
        n_zero=int(np.count_nonzero(exact == 0)),
        largest=float(exact.max()),
        edges=edges,
        counts=counts.astype(np.int64),
    )


def effective_sample_size(weights: NDArray[Any]) -> float:
    """``(sum w)^2 / sum w^2`` of (n,) weights.

    Source: Kish, Survey Sampling, 1965.

    >>> effective_sample_size(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    exact = np.asarray(weights, dtype=np.float64)
    return float(exact.sum() ** 2 / (exact**2).sum())


def bounded(weights: NDArray[np.float64], most: float) -> tuple[NDArray[np.float64], int]:
    """(n,) weights of mean 1, none above ``most``, and how many were cut; what is cut off is given to the others.

    Raises:
        InputError: ``most`` is not above 1, the mean.

    >>> bounded(np.array([0.0, 1.0, 3.0]), 2.0)
    (array([0., 1., 2.]), 1)
    """
    if not most > 1:
        raise InputError(
            f"Weights need a max_weight above 1, their mean, got {most!r}. Raise it, or None for no limit."
        )
    order = np.argsort(-weights, kind="stable")
    ordered, n = weights[order], len(weights)
    rest = np.cumsum(ordered[::-1])[::-1]  # (n,) sum of this and all smaller ones
    for n_cut in range(min(int(n / most) + 1, n)):
        if rest[n_cut] <= 1e-12 * rest[0]:
            break
        scale = (n - n_cut * most) / rest[n_cut]
        if ordered[n_cut] * scale <= most * (1 + 1e-12):
            return np.minimum(weights * scale, most), n_cut
    result = np.full(n, (n - n_cut * most) / (n - n_cut))  # the others are as good as 0: they share what is left
    result[order[:n_cut]] = most
    return result, n_cut
