"""Each domain by its own means and deviations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.feature._alignment import Alignment, Codes


class Standardise(Alignment):
    """Source rows to mean 0 and variance 1 by the source's figures, target rows by the target's.

    Columns that are constant in a domain become 0 there.

    Args:
        ddof: what is taken off the number of rows in the variance.
        to_source: True maps target rows to the source's means and deviations, and leaves source rows alone.

    Source: the per-domain z-scoring of Gong, Shi, Sha and Grauman, Geodesic Flow Kernel for Unsupervised Domain
    Adaptation, CVPR 2012, section 4.1.
    """

    name: ClassVar[str] = "standardise"

    def __init__(self, *, ddof: int = 0, to_source: bool = False) -> None:
        self.ddof = ddof
        self.to_source = to_source

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self.source_mean_, self.source_scale_ = _mean_and_scale(source, self.ddof)
        self.target_mean_, self.target_scale_ = _mean_and_scale(target, self.ddof)

    def _map_source(self, X: Any) -> Any:
        return X if self.to_source else _scaled(X, self.source_mean_, self.source_scale_)

    def _map_target(self, X: Any) -> Any:
        rows = _scaled(X, self.target_mean_, self.target_scale_)
        if self.to_source:
            rows *= np.where(np.isfinite(self.source_scale_), self.source_scale_, 0).astype(X.dtype)
            rows += self.source_mean_.astype(X.dtype)
        return rows


def _mean_and_scale(rows: NDArray[Any], ddof: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = rows.mean(axis=0, dtype=np.float64)
    deviations = rows - mean.astype(rows.dtype)
    squares = np.einsum("ij,ij->j", deviations, deviations, dtype=np.float64)
    scale = np.sqrt(squares / max(len(rows) - ddof, 1))
    noise = 10 * np.finfo(rows.dtype).eps * np.abs(mean)  # a constant column is not exactly its mean
    return mean, np.where(scale > noise, scale, np.inf)


def _scaled(X: NDArray[Any], mean: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[Any]:
    rows = X - mean.astype(X.dtype)
    rows *= (1 / scale).astype(X.dtype)
    return np.asarray(rows)
