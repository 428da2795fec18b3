"""The span of scaled rows in their principal axes, and what of a row lies outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PrincipalSpan:
    """Coordinates of scaled, centred rows.

    Args:
        axes: (d, r) orthonormal, the longest first.
        variances: (r,) of the rows along them.
        rest: mean variance along a direction outside of the span.
    """

    axes: Float
    variances: Float
    rest: float

    @classmethod
    def of(cls, Z: NDArray[Any], *, most: int | None = None) -> PrincipalSpan:
        """From (n, d) centred rows; at most ``most`` axes."""
        wide = Z.astype(np.float64)
        n, d = wide.shape
        if d <= n:
            values, axes = np.linalg.eigh(wide.T @ wide / n)
            values, axes = values[::-1], axes[:, ::-1]
        else:
            _, lengths, transposed = np.linalg.svd(wide, full_matrices=False)
            values, axes = lengths**2 / n, transposed.T
        kept = min(int((values > 1e-12 * max(values[0], 1e-300)).sum()), most or d)
        total = float(np.square(wide).sum()) / n
        outside = max(total - float(values[:kept].sum()), 0.0) / max(d - kept, 1)
        return cls(np.ascontiguousarray(axes[:, :kept]), np.ascontiguousarray(values[:kept]), outside)

    def __call__(self, Z: Float) -> tuple[Float, Float]:
        """(n, r) coordinates of (n, d) rows, and (n,) squared lengths of what lies outside."""
        inside = Z @ self.axes
        outside = np.einsum("ij,ij->i", Z, Z) - np.einsum("ij,ij->i", inside, inside)
        return inside, np.asarray(np.maximum(outside, 0.0))
