"""The geodesic between two subspaces, and the kernel of the flow along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def geodesic_features(start: Matrix, end: Matrix) -> Matrix:
    """(d, 2 k) F with F F' the integral over t from 0 to 1 of P(t) P(t)', P the geodesic from ``start`` to ``end``.

    With principal angles a, start vectors A and the directions N orthogonal to them, P(t) = A cos(t a) + N sin(t a).
    For each angle the integral is a 2 x 2 block in A and N, whose symmetric root is taken.

    Args:
        start: (d, k) orthonormal columns.
        end: (d, k) orthonormal columns.
    """
    left, cosines, right = np.linalg.svd(start.T @ end)
    first = start @ left  # (d, k)
    rest = end @ right.T - first * cosines
    sines = np.linalg.norm(rest, axis=0)
    angles = np.arctan2(sines, cosines)
    is_turned = sines > 1e-12
    normals = np.where(is_turned, rest / np.where(is_turned, sines, 1.0), 0.0)
    safe = np.where(is_turned, angles, 1.0)
    ratio = np.where(is_turned, np.sin(2 * safe) / (2 * safe), 1.0)
    blocks = np.empty((len(angles), 2, 2))
    blocks[:, 0, 0] = (1 + ratio) / 2
    blocks[:, 1, 1] = (1 - ratio) / 2
    blocks[:, 0, 1] = blocks[:, 1, 0] = np.where(is_turned, np.sin(safe) ** 2 / (2 * safe), 0.0)
    values, vectors = np.linalg.eigh(blocks)
    roots = (vectors * np.sqrt(np.maximum(values, 0))[:, None, :]) @ vectors.transpose(0, 2, 1)  # (k, 2, 2)
    return np.hstack([first * roots[:, 0, j] + normals * roots[:, 1, j] for j in (0, 1)])
