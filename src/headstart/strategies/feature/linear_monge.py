"""The linear optimal-transport map between two Gaussians."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.strategies._mathematics.eigen import symmetric_power
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._moments import lifted, mean_and_covariance, mean_variance


class LinearMonge(Alignment):
    """x -> (x - m_s) A + m_t with A = C_s^(-1/2) (C_s^(1/2) C_t C_s^(1/2))^(1/2) C_s^(-1/2), the cheapest such map.

    Args:
        regularization: multiple of the mean variance that is added to both covariances, 0 or more.

    Source: Flamary, Lounici and Ferrari, Concentration Bounds for Linear Monge Mapping Estimation and Optimal
    Transport Domain Adaptation, arXiv 1905.10155 (2019).
    """

    name: ClassVar[str] = "linear_monge"

    def __init__(self, regularization: float = 1e-3) -> None:
        self.regularization = regularization

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(regularization=0)
        mean, covariance = mean_and_covariance(source)
        target_mean, target_covariance = mean_and_covariance(target)
        amount = self.regularization * mean_variance(covariance, target_covariance)
        covariance, target_covariance = lifted(covariance, amount), lifted(target_covariance, amount)
        root, inverse = symmetric_power(covariance, 0.5), symmetric_power(covariance, -0.5)
        self.coef_ = inverse @ symmetric_power(root @ target_covariance @ root, 0.5) @ inverse  # (d, d)
        self.intercept_ = target_mean - mean @ self.coef_

    def _map_source(self, X: Any) -> Any:
        return X @ self.coef_.astype(X.dtype) + self.intercept_.astype(X.dtype)

    def _map_target(self, X: Any) -> Any:
        return X
