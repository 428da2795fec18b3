"""Probabilities made honest for the target, without its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.calibration import COLDEST, HOTTEST, TemperatureScaling
from headstart.evaluation.metrics import judged


def importance_weighted_temperature(codes: Any, proba: Any, weights: Any) -> TemperatureScaling:
    """The temperature of least log-loss over source rows, each counted as often as its like occurs in the target.

    Args:
        codes: (n,) true classes of source rows that the model did not learn from.
        proba: (n, n_classes) its probabilities of them.
        weights: (n,) density ratios of target to source, non-negative, not all 0.

    Raises:
        InputError: there are no rows, or the arguments cannot be.

    Source: Park, Bastani, Weimer and Lee, Calibrated Prediction with Covariate Shift via Unsupervised Domain
    Adaptation, AISTATS 2020.
    """
    return TemperatureScaling().fit(codes, proba, _checked(weights, len(codes)))


def transcal(codes: Any, proba: Any, target_proba: Any, weights: Any, *, power: float = 0.5) -> TemperatureScaling:
    """The temperature at which the mean confidence on the target is its estimated accuracy.

    The error on the source, weighted by ``weights ** power``, estimates that of the target. Two control variates lower
    its variance: the weights, whose mean is 1, and the error itself, whose mean the source's own calibrated confidence
    knows. The paper finds ``power`` along with the temperature, yet every power has a temperature of loss 0; here it is
    a setting.

    Args:
        codes: (n,) true classes of source rows that the model did not learn from.
        proba: (n, n_classes) its probabilities of them.
        target_proba: (n_target, n_classes) its probabilities of target rows.
        weights: (n,) density ratios of target to source, non-negative, not all 0.
        power: 0 (the source's error is the target's) to 1 (the weights as they are: no bias, more variance).

    Raises:
        InputError: there are no rows, or the arguments cannot be.

    Source: Wang, Long, Wang and Jordan, Transferable Calibration with Lower Bias and Variance in Domain Adaptation,
    NeurIPS 2020.
    """
    if not 0 <= power <= 1:
        raise InputError(f"transcal needs a power from 0 to 1, got {power!r}. Take 0.5.")
    codes, proba = judged(codes, proba)
    accuracy = 1 - estimated_target_error(codes, proba, _checked(weights, len(codes)) ** power)
    return _of_mean_confidence(np.asarray(target_proba, dtype=np.float64), accuracy)


def at_most_confident(scaling: TemperatureScaling, proba: Any, share: float) -> TemperatureScaling:
    """The same, or the lowest temperature at which the mean confidence in (n, n_classes) ``proba`` is ``share``.

    A model without an error on few rows would else be taken to be sure of everything.
    """
    proba = np.asarray(proba, dtype=np.float64)
    if float(scaling.transform(proba).max(axis=1).mean()) <= share:
        return scaling
    return _of_mean_confidence(proba, share)


def estimated_target_error(codes: NDArray[Any], proba: NDArray[Any], weights: NDArray[np.float64]) -> float:
    """0..1, the weighted error on (n,) source rows with both control variates."""
    own = TemperatureScaling().fit(codes, proba)
    confidence = float(own.transform(proba).max(axis=1).mean())
    wrong = (proba.argmax(axis=1) != codes).astype(np.float64)
    weights = weights / weights.mean()
    terms = _controlled(weights * wrong, weights, 1.0)
    terms = _controlled(terms, wrong, 1.0 - confidence)
    return float(np.clip(terms.mean(), 0.0, 1.0))


def _controlled(terms: NDArray[np.float64], variate: NDArray[np.float64], expected: float) -> NDArray[np.float64]:
    """(n,) terms of the same expectation and the least variance, given another quantity whose mean is known."""
    spread = variate.var()
    if spread < 1e-12:
        return terms
    slope = ((terms - terms.mean()) * (variate - variate.mean())).mean() / spread
    return np.asarray(terms - slope * (variate - expected))


def _of_mean_confidence(proba: NDArray[np.float64], wanted: float) -> TemperatureScaling:
    """The temperature at which the mean largest probability is ``wanted``; the limits where none is."""
    from scipy.optimize import brentq

    if len(proba) == 0:
        raise InputError("transcal needs target rows, got none. Pass their probabilities.")

    def excess(log_temperature: float) -> float:
        softened = TemperatureScaling(float(np.exp(log_temperature))).transform(proba)
        return float(softened.max(axis=1).mean() - wanted)

    coldest, hottest = float(np.log(COLDEST)), float(np.log(HOTTEST))
    if excess(coldest) <= 0:
        return TemperatureScaling(COLDEST)
    if excess(hottest) >= 0:
        return TemperatureScaling(HOTTEST)
    return TemperatureScaling(float(np.exp(brentq(excess, coldest, hottest, xtol=1e-10))))


def _checked(weights: Any, n: int) -> NDArray[np.float64]:
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (n,) or not np.isfinite(found).all() or (found < 0).any() or not found.sum() > 0:
        what = f"Calibration for the target needs {n} non-negative weights, not all 0, got shape {found.shape}"
        raise InputError(f"{what}. Pass the density ratio of each row.")
    return np.asarray(found / found.mean())
