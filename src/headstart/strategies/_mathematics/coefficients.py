"""Kernel problems in as many unknowns as there are features: exact, and linear in the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.accelerator import fetched, placed
from headstart.strategies._mathematics.fourier import RandomFourier
from headstart.strategies._mathematics.kernels import Kernel
from headstart.strategies._mathematics.nystrom import RELATIVE_CUTOFF, Nystrom

Features = Callable[[NDArray[Any]], NDArray[Any]]
"""(n, d) rows to (n, r) features whose products are the kernel."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A kernel over n fitted rows, written in the eigenvectors U of its matrix: K = U S^2 U'.

    A method over kernel rows has n unknowns a component, W (n, k), and looks at K W and W'W alone. The part of W
    outside U changes nothing but the penalty, so W = U V with V (r, k), K W = (K U) V and W'W = V'V: the same
    problem in r unknowns. A row x has the coordinates k(x, rows) U; r is at most the number of features.
    """

    features: Features
    rotation: NDArray[np.float64]  # (n_features, r)
    spread: NDArray[np.float64]  # (r,) S^2, falling

    @classmethod
    def of(cls, features: Features, *domains: NDArray[Any], block_rows: int = 2**14) -> Self:
        """From explicit features of the (n, d) fitted rows of one domain or of several, read block by block."""
        gram: Any = 0.0
        for rows in domains:
            for begin in range(0, len(rows), block_rows):
                block = features(placed(rows[begin : begin + block_rows], work_of(features, rows)))
                gram = gram + fetched(block.T @ block).astype(np.float64)
        values, vectors = np.linalg.eigh(gram)
        values, vectors = values[::-1], vectors[:, ::-1]
        smallest = RELATIVE_CUTOFF if domains[0].dtype == np.float64 else 1e-7
        kept = values > smallest * max(values[0], 1e-300)
        return cls(features, vectors[:, kept], values[kept])

    @property
    def rank(self) -> int:
        """How many unknowns a component has."""
        return len(self.spread)

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, r) coordinates k(x, rows) U of the (n, d) rows."""
        turned: NDArray[Any] = self.features(X) @ (self.rotation * np.sqrt(self.spread)).astype(X.dtype)
        return turned

    def plain(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, r) uncorrelated features of the (n, d) rows, whose products are the kernel: U S at the fitted rows."""
        turned: NDArray[Any] = self.features(X) @ self.rotation.astype(X.dtype)
        return turned


def work_of(features: Features, rows: NDArray[Any]) -> float:
    """Multiplications for the features of (n, d) rows and what they are multiplied with themselves."""
    d = int(rows.shape[1])
    width: int = getattr(features, "n_features", d)
    return float(len(rows)) * width * (d + width)


def identity(X: NDArray[Any]) -> NDArray[Any]:
    """The features of the linear kernel: the rows as they are."""
    return X


def explicit_features(
    kernel: Kernel,
    rows: NDArray[Any],
    *,
    n_landmarks: int,
    approximation: str = "nystrom",
    random_state: int | None = 0,
) -> Features:
    """Features of ``kernel``: exact for the linear one and where ``n_landmarks`` covers all (n, d) rows.

    Args:
        kernel: the kernel.
        rows: (n, d) rows that landmarks are drawn from.
        n_landmarks: how many; also how many random features.
        approximation: "nystrom" or "fourier" (random features, for rbf alone), used where n exceeds ``n_landmarks``.
        random_state: seed of the draw.
    """
    if kernel.name == "linear":
        return identity if rows.shape[1] <= len(rows) else Nystrom.of(kernel, rows, len(rows))
    if approximation == "fourier" and n_landmarks < len(rows):
        return RandomFourier.of(kernel, rows.shape[1], n_landmarks, random_state=random_state)
    return Nystrom.of(kernel, rows, n_landmarks, random_state=random_state)
