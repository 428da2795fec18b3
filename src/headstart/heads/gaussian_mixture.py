"""How improbable a row is under a mixture of Gaussians fitted to the normal rows."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._plain_detector import PlainDetector
from headstart.heads._principal_span import PrincipalSpan
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling


class GaussianMixtureDensity(PlainDetector):
    """Negative log-density: a mixture with diagonal covariances on the first principal axes, a Gaussian on the rest.

    Args:
        n_mixtures: Gaussians, at most a tenth of the rows.
        n_components: principal axes.
        random_state: seed of the first guess.

    Source: Bishop, Pattern Recognition and Machine Learning, 9.2; Tipping and Bishop, Probabilistic Principal
    Component Analysis, JRSS B 61 (1999), for the rest.
    """

    name: ClassVar[str] = "gaussian_mixture"
    cost_rank: ClassVar[int] = 3
    state_names: ClassVar[tuple[str, ...]] = (
        "mean_", "scale_", "axes_", "rest_", "log_shares_", "centres_", "precisions_", "offset_", "n_iter_",
    )  # fmt: skip

    def __init__(self, *, n_mixtures: int = 4, n_components: int = 32, random_state: int | None = 0) -> None:
        self.n_mixtures = n_mixtures
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to the (n, d) rows whose ``y`` is 0, or to all."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        X = self._begin_fit(X, y)
        scaling = fit_scaling(X, np.ones(len(X)))
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        Z = scaling(X, np.float64)
        span = PrincipalSpan.of(Z, most=max(1, min(self.n_components, len(Z) // 4)))
        self.axes_ = span.axes if span.axes.shape[1] else np.eye(Z.shape[1])[:, :1]
        inside, _ = PrincipalSpan(self.axes_, span.variances, 0.0)(Z)
        level = max(float(span.variances.mean()) if len(span.variances) else 0.0, 1e-12)
        self.rest_ = max(span.rest, 1e-3 * level)
        n_mixtures = max(1, min(self.n_mixtures, len(Z) // 10))
        mixture = GaussianMixture(
            n_mixtures, covariance_type="diag", reg_covar=1e-2 * level, random_state=self.random_state
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a density that is nearly there detects as well
            mixture.fit(inside if len(inside) > 1 else np.repeat(inside, 2, axis=0))
        self.log_shares_ = np.log(np.maximum(mixture.weights_, 1e-300))
        self.centres_ = np.asarray(mixture.means_)  # (n_mixtures, r)
        self.precisions_ = 1 / np.asarray(mixture.covariances_)  # (n_mixtures, r)
        self.n_iter_ = int(mixture.n_iter_)
        self._set_offset(self._scores(Z))
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) negative log-densities of the scaled rows, up to a constant."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        parts = [self._scores(scaling(X[i : i + BLOCK_ROWS], np.float64)) for i in range(0, len(X), BLOCK_ROWS)]
        return np.concatenate(parts)

    def _scores(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        inside, outside = PrincipalSpan(self.axes_, np.zeros(0), 0.0)(Z)
        scores = np.empty((len(Z), len(self.centres_)))
        for number, (centre, precision) in enumerate(zip(self.centres_, self.precisions_, strict=True)):
            distance = np.square(inside - centre) @ precision
            scores[:, number] = self.log_shares_[number] + 0.5 * (np.log(precision).sum() - distance)
        most = scores.max(axis=1)
        density = most + np.log(np.exp(scores - most[:, None]).sum(axis=1))
        return np.asarray(0.5 * outside / self.rest_ - density)
