"""One factor that turns decision values into probabilities: softmax(factor * values)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = np.log(1e-3), np.log(1e4)


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n_classes) values as probabilities."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_losses(values: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) cross-entropy of softmax(values)."""
    values = values - values.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(values).sum(axis=1)) - values[np.arange(len(codes)), codes])


def fit_score_scale(
    values: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """The factor with the least weighted log-loss on values that were not fitted to these rows, and that loss.

    The order of the classes, and so the prediction, stays. Labels are smoothed as if each class had been seen once
    more, so that separable values do not make certain probabilities. The factor lies between 0.001 and 10,000.

    Args:
        values: (n, n_classes) decision values.
        codes: (n,) class codes.
        weights: (n,) weights.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (temperature scaling);
    Platt, Probabilistic outputs for support vector machines (1999), for the smoothed labels.
    """
    total, n_classes = weights.sum(), values.shape[1]
    smoothing = n_classes / (total + n_classes)
    own = (1 - smoothing) * values[np.arange(len(codes)), codes] + smoothing * values.mean(axis=1)
    factor = 1.0 / max(float(np.std(values)), 1e-12)
    log_factor = float(np.clip(np.log(factor), LOWEST, HIGHEST))
    low, high = LOWEST, HIGHEST
    for _ in range(60):  # the loss is convex in the factor: Newton, kept inside a shrinking bracket
        factor = np.exp(log_factor)
        chance = softmax(factor * values)
        mean = (chance * values).sum(axis=1)
        slope = float(weights @ (mean - own)) / total
        bend = float(weights @ ((chance * values**2).sum(axis=1) - mean**2)) / total
        low, high = (log_factor, high) if slope < 0 else (low, log_factor)
        moved = factor - slope / bend if bend > 0 else 0.0
        proposed = np.log(moved) if moved > 0 else -np.inf
        new = proposed if low < proposed < high else 0.5 * (low + high)
        if abs(new - log_factor) < 1e-9:
            break
        log_factor = float(new)
    factor = float(np.exp(log_factor))
    return factor, float(weights @ log_losses(factor * values, codes)) / total
