"""Correlation alignment: source rows get the target's mean and covariance."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.strategies._mathematics.eigen import symmetric_power
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._moments import lifted, mean_and_covariance, mean_variance


class Coral(Alignment):
    """x -> (x - m_s) (C_s + r I)^(-1/2) (C_t + r I)^(1/2) + m_t for source rows; target rows stay.

    r is ``regularization`` times the mean variance of both domains, so that on features of unit variance 1 adds the
    identity as the paper does. Small values break on features of lower rank than columns.

    Args:
        regularization: 0 or more.
        align_means: False leaves out both means, which is the map as published.

    Source: Sun, Feng and Saenko, Return of Frustratingly Easy Domain Adaptation, AAAI 2016.
    """

    name: ClassVar[str] = "coral"

    def __init__(self, regularization: float = 1.0, *, align_means: bool = True) -> None:
        self.regularization = regularization
        self.align_means = align_means

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(regularization=0)
        mean, covariance = mean_and_covariance(source)
        target_mean, target_covariance = mean_and_covariance(target)
        amount = self.regularization * mean_variance(covariance, target_covariance)
        whiten = symmetric_power(lifted(covariance, amount), -0.5)
        self.coef_ = whiten @ symmetric_power(lifted(target_covariance, amount), 0.5)  # (d, d)
        self.intercept_ = (target_mean - mean @ self.coef_) * self.align_means

    def _map_source(self, X: Any) -> Any:
        return X @ self.coef_.astype(X.dtype) + self.intercept_.astype(X.dtype)

    def _map_target(self, X: Any) -> Any:
        return X
