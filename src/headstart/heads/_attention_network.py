"""Steps weighed by learnt attention, their mean read by a linear layer; forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.heads._small_network import Float, Weights


@dataclass(frozen=True)
class AttentionNetwork:
    """``W' sum_t a_t h_t + c`` with ``a = softmax_t(v' tanh(V' h_t + b))``.

    It begins with equal attention, ``v = 0``: as the linear layer on the mean.

    Args:
        n_hidden: units of the attention.
    """

    n_hidden: int

    def start(self, n_inputs: int, n_outputs: int, draw: np.random.Generator) -> Weights:
        """``V`` (n_inputs, n_hidden), ``b``, ``v`` (n_hidden, 1), ``W`` (n_inputs, n_outputs), ``c``."""
        directions = draw.standard_normal((n_inputs, self.n_hidden)) / np.sqrt(n_inputs)
        nothing = np.zeros((self.n_hidden, 1))
        return [directions, np.zeros(self.n_hidden), nothing, np.zeros((n_inputs, n_outputs)), np.zeros(n_outputs)]

    def attention(self, weights: Weights, steps: Float) -> Float:
        """(n, n_steps) shares of the steps of each row."""
        return self._attended(weights, steps)[1]

    def forward(self, weights: Weights, steps: Float) -> tuple[Float, Any]:
        """(n, n_outputs) scores of (n, n_steps, n_inputs) steps."""
        hidden, share = self._attended(weights, steps)
        mean = np.matmul(share[:, None], steps)[:, 0]  # (n, n_inputs)
        return mean @ weights[3] + weights[4], (hidden, share, mean)

    def backward(self, weights: Weights, steps: Float, way: Any, slope: Float) -> Weights:
        """Gradients, in the order of :meth:`start`."""
        hidden, share, mean = way
        _, _, v, W, _ = weights
        by_share = np.matmul(steps, (slope @ W.T)[:, :, None])[:, :, 0]  # (n, n_steps)
        by_score = share * (by_share - (share * by_share).sum(axis=1, keepdims=True))
        by_hidden = (by_score[:, :, None] * v[:, 0]) * (1 - hidden**2)
        flat = by_hidden.reshape(-1, self.n_hidden)
        by_v = hidden.reshape(-1, self.n_hidden).T @ by_score.reshape(-1, 1)
        by_directions = steps.reshape(len(flat), -1).T @ flat
        return [by_directions, flat.sum(axis=0), by_v, mean.T @ slope, slope.sum(axis=0)]

    def _attended(self, weights: Weights, steps: Float) -> tuple[Float, Float]:
        directions, b, v, _, _ = weights
        hidden = np.tanh(steps @ directions + b)  # (n, n_steps, n_hidden)
        score = (hidden @ v)[:, :, 0]
        powers = np.exp(score - score.max(axis=1, keepdims=True))
        return hidden, powers / powers.sum(axis=1, keepdims=True)
