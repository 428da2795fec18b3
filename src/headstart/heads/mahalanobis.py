"""Distance from the mean of the normal rows in the metric of their shrunken covariance."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._plain_detector import PlainDetector
from headstart.heads._principal_span import PrincipalSpan
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling
from headstart.heads._shrinkage import ledoit_wolf_shrinkage


class Mahalanobis(PlainDetector):
    """Squared Mahalanobis distance, divided by the number of features.

    Args:
        shrinkage: share of the covariance replaced by a multiple of the identity: "auto" is the closed form of
            Ledoit and Wolf; above 0 where there are fewer rows than features.

    Source: Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples, NeurIPS 2018; Ledoit and
    Wolf, Journal of Multivariate Analysis 88 (2004).
    """

    name: ClassVar[str] = "mahalanobis"
    cost_rank: ClassVar[int] = 1
    state_names: ClassVar[tuple[str, ...]] = (
        "mean_", "scale_", "axes_", "inverse_", "rest_inverse_", "shrinkage_", "offset_",
    )  # fmt: skip

    def __init__(self, shrinkage: float | str = "auto") -> None:
        self.shrinkage = shrinkage

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to the (n, d) rows whose ``y`` is 0, or to all."""
        X = self._begin_fit(X, y)
        ones = np.ones(len(X))
        scaling = fit_scaling(X, ones)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        Z = scaling(X, np.float64)
        span = PrincipalSpan.of(Z)
        level = max(float(np.square(Z).sum()) / Z.size, 1e-300)
        self.shrinkage_ = self._share(Z, span)
        floor = 1e-10 * level
        self.axes_ = span.axes
        self.inverse_ = 1 / np.maximum((1 - self.shrinkage_) * span.variances + self.shrinkage_ * level, floor)
        self.rest_inverse_ = float(1 / max(self.shrinkage_ * level, floor))
        self._set_offset(self._scores(Z))
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) squared distances, divided by the number of features."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        parts = [self._scores(scaling(X[i : i + BLOCK_ROWS], np.float64)) for i in range(0, len(X), BLOCK_ROWS)]
        return np.concatenate(parts)

    def _scores(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        inside, outside = PrincipalSpan(self.axes_, self.inverse_, 0.0)(Z)
        return np.asarray((np.square(inside) @ self.inverse_ + self.rest_inverse_ * outside) / Z.shape[1])

    def _share(self, Z: NDArray[np.float64], span: PrincipalSpan) -> float:
        if self.shrinkage == "auto":
            covariance = (span.axes * span.variances) @ span.axes.T
            return ledoit_wolf_shrinkage(Z, covariance, np.ones(len(Z)))
        if isinstance(self.shrinkage, str) or not 0 <= self.shrinkage <= 1:
            raise InputError(f"Mahalanobis needs shrinkage 'auto' or from 0 to 1, got {self.shrinkage!r}. Use 'auto'.")
        return float(self.shrinkage)
