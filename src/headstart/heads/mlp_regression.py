"""A small multi-layer perceptron for numbers, stopped early on rows that it does not train on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._plain_regressor import PlainRegressor
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling
from headstart.heads._target_scale import TargetScale

EARLY_ROWS = 100
"""Fewer held-out rows than this judge too coarsely to stop on; then the training loss decides."""


class MLPRegression(PlainRegressor):
    """Fully connected ReLU layers on standardised features and numbers, trained by Adam on squared error.

    Args:
        hidden: widths of the hidden layers.
        alpha: L2 penalty.
        learning_rate: first step of Adam.
        max_iter: most passes over the rows.
        random_state: seed of weights, batches and the rows held out.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.
    """

    name: ClassVar[str] = "mlp_regression"
    cost_rank: ClassVar[int] = 6
    is_slow: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "layers_", "offsets_", "centre_", "unit_", "n_iter_")

    def __init__(
        self,
        hidden: Sequence[int] = (128,),
        *,
        alpha: float = 1e-2,
        learning_rate: float = 1e-3,
        max_iter: int = 200,
        random_state: int | None = 0,
    ) -> None:
        self.hidden = hidden
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_outputs: int) -> float:
        """Rough seconds of one fit on two cores."""
        return 0.1 + 1e-6 * n * (d + 1)

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to (n, d) rows and (n,) numbers."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        X, y, ones = self._begin_fit(X, y)
        scaling, unit = fit_scaling(X, ones), TargetScale.of(y, ones)
        n_held_out = -(-len(y) // 10)
        is_early = n_held_out >= EARLY_ROWS
        network = MLPRegressor(
            hidden_layer_sizes=tuple(self.hidden),
            alpha=self.alpha,
            learning_rate_init=self.learning_rate,
            batch_size=min(128, len(y) - n_held_out * is_early),
            max_iter=self.max_iter,
            early_stopping=is_early,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is a budget here
            network.fit(scaling(X, X.dtype), unit.into(y).astype(X.dtype))
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.centre_, self.unit_ = unit.mean, unit.scale
        self.layers_ = [np.asarray(layer) for layer in network.coefs_]
        self.offsets_ = [np.asarray(offset) for offset in network.intercepts_]
        self.n_iter_ = int(network.n_iter_)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X = self._rows(X)
        return np.concatenate([self._forward(X[i : i + BLOCK_ROWS]) for i in range(0, len(X), BLOCK_ROWS)])

    def _forward(self, X: NDArray[Any]) -> NDArray[np.float64]:
        values = Scaling(self.mean_, self.scale_)(X, np.float64)
        for layer, offset in zip(self.layers_[:-1], self.offsets_[:-1], strict=True):
            values = np.maximum(values @ layer + offset, 0)
        values = values @ self.layers_[-1] + self.offsets_[-1]
        return np.asarray(self.centre_ + self.unit_ * values[:, 0])
