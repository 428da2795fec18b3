"""A small network written out in numpy, and the penalised fit of its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Weights = list[Float]
"""Matrices, which are penalised, and vectors, which are not."""
Loss = Callable[[Float], tuple[float, Float]]
"""(n, n_outputs) scores -> mean loss, and its (n, n_outputs) gradient."""

MOST_PASSES = 300
"""Of the rows through the network."""


class SmallNetwork(Protocol):
    """Steps in, scores out."""

    def start(self, n_inputs: int, n_outputs: int, draw: np.random.Generator) -> Weights:
        """First weights."""
        ...

    def forward(self, weights: Weights, steps: Float) -> tuple[Float, Any]:
        """(n, n_outputs) scores of (n, n_steps, n_inputs) steps, and what :meth:`backward` needs of the way."""
        ...

    def backward(self, weights: Weights, steps: Float, way: Any, slope: Float) -> Weights:
        """Gradients of the weights, from the (n, n_outputs) gradient of the scores."""
        ...


def fit_network(network: SmallNetwork, steps: Float, loss: Loss, first: Weights, *, penalty: float) -> Weights:
    """Weights at a local optimum of ``loss + penalty / 2 * |matrices|^2``, from ``first`` by full passes of L-BFGS.

    Args:
        network: what is fitted.
        steps: (n, n_steps, n_inputs).
        loss: of the scores.
        first: where to begin.
        penalty: at least 0.

    Source: Byrd, Lu, Nocedal and Zhu, SIAM Journal on Scientific Computing 16 (1995).
    """
    from scipy.optimize import minimize

    is_matrix = np.concatenate([np.full(weight.size, float(weight.ndim > 1)) for weight in first])

    def objective(flat: Float) -> tuple[float, Float]:
        weights = _unflat(flat, first)
        scores, way = network.forward(weights, steps)
        value, slope = loss(scores)
        gradient = _flat(network.backward(weights, steps, way, slope))
        return value + 0.5 * penalty * float(is_matrix @ flat**2), gradient + penalty * is_matrix * flat

    options = {"maxiter": MOST_PASSES, "maxfun": 2 * MOST_PASSES, "ftol": 1e-8, "gtol": 1e-6}
    found = minimize(objective, _flat(first), jac=True, method="L-BFGS-B", options=options)
    return _unflat(np.asarray(found.x), first)


def softmax_loss(codes: NDArray[np.int64], weights: Float) -> Loss:
    """Mean cross-entropy of the softmax of the scores.

    Args:
        codes: (n,) true classes.
        weights: (n,) of the rows.
    """
    rows, share = np.arange(len(codes)), weights / weights.sum()

    def loss(scores: Float) -> tuple[float, Float]:
        shifted = scores - scores.max(axis=1, keepdims=True)
        log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        slope = np.exp(log_proba)
        slope[rows, codes] -= 1
        return float(-share @ log_proba[rows, codes]), share[:, None] * slope

    return loss


def _flat(weights: Sequence[Float]) -> Float:
    return np.concatenate([weight.ravel() for weight in weights])


def _unflat(flat: Float, like: Sequence[Float]) -> Weights:
    ends = np.cumsum([weight.size for weight in like])
    return [part.reshape(weight.shape) for part, weight in zip(np.split(flat, ends[:-1]), like, strict=True)]
