"""Decision values of each label as probabilities: a logistic curve of two numbers a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Platt:
    """``1 / (1 + exp(-(slope * value + shift)))`` for each label.

    Args:
        slope: (n_labels,) at least 0.
        shift: (n_labels,).
    """

    slope: Float
    shift: Float

    def __call__(self, values: Float) -> Float:
        """(n, n_labels) probabilities of (n, n_labels) values."""
        return sigmoid(values * self.slope + self.shift)


def sigmoid(values: Float) -> Float:
    """(...) values as probabilities, without overflow.

    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))


def fit_platt(values: Float, targets: Float) -> Platt:
    """The curves of least log-loss on values that were not fitted to these rows; a falling curve is made flat.

    Targets are smoothed, so that separable values do not make certain probabilities.

    Args:
        values: (n, n_labels) decision values.
        targets: (n, n_labels) of 0 and 1.

    Source: Platt, Probabilistic outputs for support vector machines (1999); Lin, Lin and Weng, Machine Learning 68
    (2007), for the safeguarded Newton steps.
    """
    n, n_with = len(targets), targets.sum(axis=0)
    soft = np.where(targets > 0, (n_with + 1) / (n_with + 2), 1 / (n - n_with + 2))  # (n, n_labels)
    centre, unit = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-12)
    z = (values - centre) / unit
    slope, shift = np.zeros(values.shape[1]), _logit(soft.mean(axis=0))
    loss = _losses(z, soft, slope, shift)
    for _ in range(100):
        chance = sigmoid(z * slope + shift)
        gap, bend = chance - soft, np.maximum(chance * (1 - chance), 1e-12)
        g0, g1 = (gap * z).sum(axis=0), gap.sum(axis=0)
        h00, h01, h11 = (bend * z * z).sum(axis=0) + 1e-10, (bend * z).sum(axis=0), bend.sum(axis=0)
        det = np.maximum(h00 * h11 - h01**2, 1e-300)
        step0, step1 = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        slope, shift, new = _shortened(z, soft, (slope, shift, loss), (step0, step1))
        done = float(np.max(loss - new, initial=0.0)) < 1e-12 * n
        loss = new
        if done:
            break
    flat = slope <= 0
    slope, shift = np.where(flat, 0.0, slope), np.where(flat, _logit(soft.mean(axis=0)), shift)
    return Platt(slope / unit, shift - slope * centre / unit)


def _shortened(
    z: Float, soft: Float, at: tuple[Float, Float, Float], step: tuple[Float, Float]
) -> tuple[Float, Float, Float]:
    """The point after the step, halved for each label until its loss does not rise."""
    slope, shift, loss = at
    length = np.ones_like(slope)
    for _ in range(30):
        new = _losses(z, soft, slope - length * step[0], shift - length * step[1])
        rises = new > loss
        if not rises.any():
            break
        length = np.where(rises, 0.5 * length, length)
    length = np.where(new > loss, 0.0, length)
    slope, shift = slope - length * step[0], shift - length * step[1]
    return slope, shift, _losses(z, soft, slope, shift)


def _losses(z: Float, soft: Float, slope: Float, shift: Float) -> Float:
    score = z * slope + shift
    return np.asarray((np.logaddexp(0.0, score) - soft * score).sum(axis=0))


def _logit(share: Float) -> Float:
    return np.asarray(np.log(share) - np.log1p(-share))
