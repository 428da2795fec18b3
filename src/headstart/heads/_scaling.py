"""Scaled features, and the rotation into their principal axes where solving is cheap."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._eigen import symmetric_eigen

BLOCK_ROWS = 4096
SMALL_ELEMENTS = 1_000_000
"""Up to here everything is computed in float64: speed does not matter."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Features to mean 0 and a common scale; constant features become 0."""

    mean: NDArray[np.float64]  # (d,)
    scale: NDArray[np.float64]  # (d,), infinite for constant features

    def __call__(self, X: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """(n, d) scaled rows."""
        result = np.empty(X.shape, dtype=dtype)
        for start in range(0, len(X), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            result[part] = (X[part] - self.mean) / self.scale
        return result


def fit_scaling(X: NDArray[Any], weights: NDArray[np.float64], *, how: str = "standard") -> Scaling:
    """The weighted mean of (n, d) rows and a scale for each feature; a constant feature becomes 0.

    Args:
        X: (n, d) rows.
        weights: (n,) non-negative weights.
        how: "standard" divides each feature by its deviation; "global" all by the root mean square of the
            deviations, so that features of large variance keep their say; "pareto" by the geometric mean of the two.

    Raises:
        InputError: ``how`` is none of them.

    Source: van den Berg et al., Centering, scaling, and transformations, BMC Genomics 7 (2006), for Pareto scaling.
    """
    if how not in ("standard", "pareto", "global"):
        raise InputError(f"scaling needs 'standard', 'pareto' or 'global', got {how!r}. Use one of them.")
    share = weights / weights.sum()
    mean, square = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for start in range(0, len(X), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        mean += share[part] @ X[part].astype(np.float64)
    for start in range(0, len(X), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        square += share[part] @ np.square(X[part] - mean)
    deviation = np.sqrt(square)
    constant = deviation <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
    typical = float(np.sqrt(np.mean(square[~constant]))) if not constant.all() else 1.0
    power = {"standard": 1.0, "pareto": 0.5, "global": 0.0}[how]
    scale = deviation**power * typical ** (1 - power)
    scale[constant] = np.inf
    return Scaling(mean, scale)


def working_dtype(X: NDArray[Any]) -> Any:
    """float64 for small data, float32 where the products take the time."""
    return np.float64 if X.size <= SMALL_ELEMENTS else np.float32


MOST_RECENT = 2
"""Decompositions that are remembered: several heads, and the final fit, ask for that of the same rows."""

_RECENT: OrderedDict[tuple[tuple[int, ...], bytes], NDArray[np.float64]] = OrderedDict()
_RECENT_LOCK = Lock()


def principal_axes(Z: NDArray[Any]) -> NDArray[np.float64]:
    """(d, r) orthonormal axes that span the rows of (n, d) ``Z``, r <= min(n, d), the longest first.

    An L2-penalised linear model has its weights in that span, so solving for r of them loses nothing.
    """
    if Z.size <= SMALL_ELEMENTS:
        return _axes(Z)
    key = (Z.shape, hashlib.blake2b(np.ascontiguousarray(Z).data).digest())
    with _RECENT_LOCK:
        axes = _RECENT.pop(key, None)
    axes = _axes(Z) if axes is None else axes
    with _RECENT_LOCK:
        _RECENT[key] = axes
        while len(_RECENT) > MOST_RECENT:
            _RECENT.popitem(last=False)
    return axes


def _axes(Z: NDArray[Any]) -> NDArray[np.float64]:
    n, d = Z.shape
    if d <= n:
        values, axes = symmetric_eigen((Z.T @ Z).astype(np.float64))
        return np.asarray(axes[:, ::-1])
    wide = Z.astype(np.float64)
    if Z.size <= SMALL_ELEMENTS:
        _, lengths, axes = np.linalg.svd(wide, full_matrices=False)
        return np.asarray(axes[lengths > 1e-13 * max(lengths[0], 1e-300)].T)
    values, left = symmetric_eigen(wide @ wide.T)
    lengths = np.sqrt(np.maximum(values, 0))
    kept = np.flatnonzero(lengths > 1e-5 * lengths[-1])[::-1]
    return np.asarray(wide.T @ (left[:, kept] / lengths[kept]))
