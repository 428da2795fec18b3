"""Kernels, and the bandwidth that the median heuristic gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import beside, is_tensor, namespace

KERNELS = ("linear", "rbf", "polynomial")
MEDIAN_ROWS = 1000
"""Rows that the median heuristic looks at; more are drawn from."""
CACHED_ELEMENTS = 2**16
"""Numbers that stay in the cache from one step to the next."""


@dataclass(frozen=True)
class Kernel:
    """A positive semi-definite function of two rows.

    ``linear`` is x.y, ``rbf`` exp(-gamma |x - y|^2), ``polynomial`` (gamma x.y + 1)^degree.
    """

    name: str = "linear"
    gamma: float = 1.0
    degree: int = 3

    def __post_init__(self) -> None:
        if self.name not in KERNELS:
            raise InputError(f"Kernel needs a name out of {KERNELS}, got {self.name!r}. Use one of them.")
        if not self.gamma > 0:
            raise InputError(f"Kernel needs gamma above 0, got {self.gamma!r}. Use 'median'.")

    def __call__(self, X: NDArray[Any], Y: NDArray[Any]) -> NDArray[Any]:
        """(n, m) values between (n, d) and (m, d) rows, in the rows' float type; a tensor where ``X`` is one."""
        Y = beside(Y, X)
        if self.name == "rbf":
            values = squared_distances(X, Y)
            values *= -self.gamma
            return namespace(X).exp(values, out=values)  # type: ignore[no-any-return]
        products: NDArray[Any] = X @ Y.T
        if self.name == "polynomial":
            products *= self.gamma
            products += 1
            products **= self.degree
        return products


def make_kernel(name: str, gamma: float | str, X: NDArray[Any], *, random_state: int | None = 0) -> Kernel:
    """The kernel ``name``; gamma "median" is chosen from the (n, d) rows ``X``.

    Raises:
        InputError: unknown name, or gamma neither "median" nor above 0.
    """
    if name == "linear":
        return Kernel("linear")
    if gamma == "median":
        return Kernel(name, median_gamma(X, random_state=random_state))
    if isinstance(gamma, str):
        raise InputError(f"Kernel needs gamma 'median' or above 0, got {gamma!r}. Use 'median'.")
    return Kernel(name, float(gamma))


def squared_distances(X: NDArray[Any], Y: NDArray[Any]) -> NDArray[Any]:
    """(n, m) squared Euclidean distances, never negative, in the rows' float type; a tensor where ``X`` is one."""
    Y = beside(Y, X)
    centre = Y.mean(axis=0)  # about the rows' own middle fewer digits are lost
    X, Y = X - centre, Y - centre
    distances: Any = X @ (-2 * Y).T
    if is_tensor(distances):
        distances += X.square().sum(dim=1, keepdim=True)  # type: ignore[attr-defined]
        distances += Y.square().sum(dim=1)  # type: ignore[attr-defined]
        return distances.clamp_(min=0)  # type: ignore[no-any-return]
    squares, others = np.einsum("ij,ij->i", X, X), np.einsum("ij,ij->i", Y, Y)
    step = max(1, CACHED_ELEMENTS // max(1, len(Y)))
    for begin in range(0, len(X), step):
        block = distances[begin : begin + step]
        block += squares[begin : begin + step, None]
        block += others
        np.maximum(block, 0, out=block)
    return distances  # type: ignore[no-any-return]


def median_gamma(X: NDArray[Any], *, random_state: int | None = 0) -> float:
    """1 / (2 m), m the median squared distance of two different rows; 1 where most rows are the same.

    Source: Gretton et al., A Kernel Two-Sample Test, JMLR 13 (2012), section 8.
    """
    rows = np.asarray(X, dtype=np.float64)
    if len(rows) > MEDIAN_ROWS:
        rows = rows[np.random.default_rng(random_state).choice(len(rows), MEDIAN_ROWS, replace=False)]
    if len(rows) < 2:
        return 1.0
    pairs = squared_distances(rows, rows)[np.triu_indices(len(rows), k=1)]
    middle = float(np.median(pairs))
    return 1 / (2 * middle) if middle > 0 else 1.0
