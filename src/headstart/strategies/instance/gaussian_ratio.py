"""The ratio of two Gaussian densities, one fitted to each domain."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

BLOCK_ROWS = 16_384


class GaussianRatio(Weighting):
    """``N(x; target mean, covariance) / N(x; source mean, covariance)``.

    Args:
        shrinkage: 0..1 towards a multiple of the identity, or "auto", the share of Ledoit and Wolf.
        is_shared: True where both domains share one covariance: the log-ratio is then linear, and steadier.

    Source: Shimodaira, Improving Predictive Inference Under Covariate Shift by Weighting the Log-Likelihood Function,
    J. Statistical Planning and Inference 90 (2000); Ledoit and Wolf, J. Multivariate Analysis 88 (2004).
    """

    name: ClassVar[str] = "gaussian_ratio"

    def __init__(self, shrinkage: float | str = "auto", *, is_shared: bool = False) -> None:
        self.shrinkage = shrinkage
        self.is_shared = is_shared

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        means = [rows.mean(axis=0, dtype=np.float64) for rows in (pair.source, pair.target)]
        of_source = self._covariance(pair.source, means[0])
        of_target = self._covariance(pair.target, means[1])
        if self.is_shared:
            n, m = pair.n_source, pair.n_target
            of_source = of_target = (n * of_source + m * of_target) / (n + m)
        logs = _log_density(pair.source, means[1], of_target) - _log_density(pair.source, means[0], of_source)
        return np.asarray(np.exp(logs - logs.max()))

    def _covariance(self, X: NDArray[Any], mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """(d, d), shrunk, positive definite."""
        from sklearn.covariance import ledoit_wolf_shrinkage

        centred = X.astype(np.float64) - mean
        covariance = centred.T @ centred / len(X)
        if self.shrinkage == "auto":
            share = float(ledoit_wolf_shrinkage(centred, assume_centered=True)) if len(X) > 1 else 1.0
        elif isinstance(self.shrinkage, str) or not 0 <= self.shrinkage <= 1:
            raise InputError(f"GaussianRatio needs shrinkage 'auto' or 0..1, got {self.shrinkage!r}. Use 'auto'.")
        else:
            share = float(self.shrinkage)
        level = float(np.trace(covariance)) / len(covariance)
        diagonal = share * level + 1e-8 * level + 1e-300
        return np.asarray((1 - share) * covariance + diagonal * np.eye(len(covariance)))


def _log_density(X: NDArray[Any], mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) log-density of a Gaussian, up to a constant that hangs on d alone."""
    from scipy.linalg import cholesky, solve_triangular

    root = cholesky(covariance, lower=True)
    result = np.full(len(X), -float(np.log(np.diag(root)).sum()))
    for start in range(0, len(X), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        scaled = solve_triangular(root, (X[part] - mean).T, lower=True)
        result[part] -= np.einsum("dn,dn->n", scaled, scaled) / 2
    return result
