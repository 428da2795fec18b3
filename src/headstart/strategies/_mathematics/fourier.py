"""Random Fourier features of the Gaussian kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import beside, is_tensor, namespace
from headstart.strategies._mathematics.kernels import Kernel


@dataclass(frozen=True, eq=False)
class RandomFourier:
    """Features phi with E[phi(x).phi(y)] = exp(-gamma |x - y|^2): cosines and sines of random directions.

    Source: Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NIPS 2007.
    """

    directions: NDArray[Any]  # (d, n_features / 2)

    @classmethod
    def of(cls, kernel: Kernel, dim: int, n_features: int, *, random_state: int | None = 0) -> Self:
        """``n_features`` (rounded to an even number) for rows of ``dim`` columns.

        Raises:
            InputError: the kernel is not Gaussian.
        """
        if kernel.name != "rbf":
            raise InputError(f"RandomFourier needs the kernel 'rbf', got {kernel.name!r}. Use Nystrom features.")
        drawn = np.random.default_rng(random_state).standard_normal((dim, max(1, n_features // 2)))
        return cls(drawn * np.sqrt(2 * kernel.gamma))

    @property
    def n_features(self) -> int:
        """How many features a row gets."""
        return int(2 * self.directions.shape[1])

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, n_features) features of the (n, d) rows, in their float type; a tensor where they are one."""
        there, xp = is_tensor(X), namespace(X)
        angles = X @ (beside(self.directions, X) if there else self.directions.astype(X.dtype))
        scale = float(1 / np.sqrt(self.directions.shape[1]))  # Python's own: no float type is widened
        return xp.hstack([xp.cos(angles), xp.sin(angles)]) * scale  # type: ignore[no-any-return]
