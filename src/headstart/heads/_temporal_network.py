"""Two layers of convolution over time, read by a linear layer beside mean and trend; forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.heads._small_network import Float, Weights

PACES = (1, 2)
"""Steps between the three steps that each layer reads."""


@dataclass(frozen=True)
class TemporalNetwork:
    """``W' [mean_t h_t, mean_t s_t h_t, mean_t u_t] + c`` with ``u = tanh(conv(tanh(conv(h))))``.

    ``s`` rises evenly, with mean 0 and mean square 1: the trend over the whole row. A unit of the second layer of
    convolution sees seven steps, and 0 beyond the ends.

    Args:
        n_hidden: units of each layer.
    """

    n_hidden: int

    def start(self, n_inputs: int, n_outputs: int, draw: np.random.Generator) -> Weights:
        """Kernels (3 * n_inputs, n_hidden) and (3 * n_hidden, n_hidden) with their shifts, ``W`` and ``c``."""
        found: Weights = []
        for width in (n_inputs, self.n_hidden):
            found += [draw.standard_normal((3 * width, self.n_hidden)) / np.sqrt(3 * width), np.zeros(self.n_hidden)]
        return [*found, np.zeros((2 * n_inputs + self.n_hidden, n_outputs)), np.zeros(n_outputs)]

    def forward(self, weights: Weights, steps: Float) -> tuple[Float, Any]:
        """(n, n_outputs) scores of (n, n_steps, n_inputs) steps."""
        first_kernel, first_shift, second_kernel, second_shift, W, c = weights
        seen = _neighbours(steps, PACES[0])
        first = np.tanh(seen @ first_kernel + first_shift)
        seen_first = _neighbours(first, PACES[1])
        second = np.tanh(seen_first @ second_kernel + second_shift)
        trend = (_rise(steps.shape[1])[:, None] * steps).mean(axis=1)
        read = np.concatenate([steps.mean(axis=1), trend, second.mean(axis=1)], axis=1)
        return read @ W + c, (seen, first, seen_first, second, read)

    def backward(self, weights: Weights, steps: Float, way: Any, slope: Float) -> Weights:
        """Gradients, in the order of :meth:`start`."""
        seen, first, seen_first, second, read = way
        _, _, second_kernel, _, W, _ = weights
        by_mean = (slope @ W[2 * steps.shape[2] :].T) / steps.shape[1]  # (n, n_hidden)
        by_second = by_mean[:, None] * (1 - second**2)
        by_first = _neighbours_back(by_second @ second_kernel.T, PACES[1]) * (1 - first**2)
        return [
            *_by_layer(seen, by_first),
            *_by_layer(seen_first, by_second),
            read.T @ slope,
            slope.sum(axis=0),
        ]


def _rise(n_steps: int) -> Float:
    """(n_steps,) evenly rising, mean 0 and mean square 1; 0 of one step."""
    rise = np.arange(n_steps) - 0.5 * (n_steps - 1)
    return np.asarray(rise / max(float(np.sqrt(np.mean(rise**2))), 1e-12))


def _by_layer(seen: Float, slope: Float) -> Weights:
    flat = slope.reshape(-1, slope.shape[2])
    return [seen.reshape(len(flat), -1).T @ flat, flat.sum(axis=0)]


def _neighbours(steps: Float, pace: int) -> Float:
    """(n, n_steps, 3 * d) each step between the one ``pace`` before and the one ``pace`` after, 0 outside."""
    outside = np.zeros((len(steps), pace, steps.shape[2]))
    padded = np.concatenate([outside, steps, outside], axis=1)
    n_steps = steps.shape[1]
    return np.concatenate([padded[:, place * pace : place * pace + n_steps] for place in range(3)], axis=2)


def _neighbours_back(slope: Float, pace: int) -> Float:
    """(n, n_steps, d) the gradient of the steps, from that of :func:`_neighbours`."""
    n, n_steps, d = slope.shape[0], slope.shape[1], slope.shape[2] // 3
    padded = np.zeros((n, n_steps + 2 * pace, d))
    for place in range(3):
        padded[:, place * pace : place * pace + n_steps] += slope[:, :, place * d : (place + 1) * d]
    return padded[:, pace : pace + n_steps]
