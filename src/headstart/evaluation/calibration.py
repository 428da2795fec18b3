"""Do stated probabilities come true, and one number that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._row_terms import SMALLEST
from headstart.evaluation.metrics import judged

COLDEST, HOTTEST = 0.02, 50.0
"""Limits of a temperature; they are met when the probabilities are all right, or say nothing."""
N_BINS = 15
"""Bins of equal width over 0..1 in which confidence is compared with what came true."""


class TemperatureScaling:
    """Probabilities made honest by one number: softmax(log(p) / temperature).

    The predicted class never changes. Fit it on out-of-fold probabilities, never on the rows that the model learnt
    from.

    Args:
        temperature: known beforehand, e.g. read from a bundle; None until fitted.

    Attributes:
        temperature_: above 1 softens, below 1 sharpens.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """

    def __init__(self, temperature: float | None = None) -> None:
        if temperature is not None:
            if not (np.isfinite(temperature) and temperature > 0.0):
                raise InputError(
                    f"TemperatureScaling needs a temperature above 0, got {temperature!r}. Give 1.0 for none."
                )
            self.temperature_ = float(temperature)

    def fit(self, codes: NDArray[Any], proba: NDArray[Any], weights: NDArray[Any] | None = None) -> TemperatureScaling:
        """Take the temperature of least log-loss, which is convex in 1 / temperature.

        Args:
            codes: (n,) true classes.
            proba: (n, n_classes) probabilities; rows of NaN are left out.
            weights: (n,) how often each row counts, or None.

        Raises:
            InputError: there are no rows, or the arguments cannot be.
        """
        from scipy.optimize import brentq

        weights = None if weights is None else weights[~np.isnan(np.asarray(proba, dtype=np.float64)).all(axis=1)]
        codes, proba = judged(codes, proba)
        if len(codes) == 0:
            raise InputError("TemperatureScaling needs rows to fit, got none. Give out-of-fold probabilities.")
        logits = _log(proba)
        true = np.average(logits[np.arange(len(codes)), codes], weights=weights)

        def slope(log_temperature: float) -> float:
            """Of the log-loss in 1 / temperature."""
            softened = _softmax(logits * np.exp(-log_temperature))
            return float(np.average((softened * logits).sum(axis=1), weights=weights) - true)

        coldest, hottest = np.log(COLDEST), np.log(HOTTEST)
        if np.ptp(logits, axis=1).max() < 1e-12:
            best = 0.0  # uniform rows stay uniform at any temperature
        elif slope(coldest) <= 0.0:
            best = coldest
        elif slope(hottest) >= 0.0:
            best = hottest
        else:
            best = brentq(slope, coldest, hottest, xtol=1e-9)
        self.temperature_ = float(np.exp(best))
        return self

    def transform(self, proba: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_classes) calibrated probabilities of (n, n_classes) ones; rows of NaN stay.

        Raises:
            InputError: it is not fitted.
        """
        return _softmax(_log(np.asarray(proba, dtype=np.float64)) / float(self))

    def to_state(self) -> dict[str, Any]:
        """The temperature."""
        return {"temperature": float(self)}

    def __float__(self) -> float:
        """The temperature.

        >>> float(TemperatureScaling(1.5))
        1.5
        """
        temperature = getattr(self, "temperature_", None)
        if temperature is None:
            raise InputError("TemperatureScaling needs a fit, got none. Call fit(codes, proba) first.")
        return float(temperature)


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Stated confidence against the share that was right, in bins of equal width.

    Args:
        centres: (n_bins,) middle of each bin, 0..1.
        confidence: (n_bins,) mean probability of the predicted class; NaN where the bin is empty.
        accuracy: (n_bins,) share that was right; NaN where the bin is empty.
        counts: (n_bins,) rows in the bin.
        ece: expected calibration error, 0..1.
    """

    centres: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    counts: NDArray[np.int64]
    ece: float


def reliability_curve(codes: NDArray[Any], proba: NDArray[Any], *, n_bins: int = N_BINS) -> ReliabilityCurve:
    """The bins of the reliability diagram; a bin holds its upper edge, not its lower one.

    Args:
        codes: (n,) true classes.
        proba: (n, n_classes) probabilities; rows of NaN are left out.
        n_bins: of equal width over 0..1.

    Raises:
        InputError: ``n_bins`` is below 1, or the arguments cannot be.
    """
    if n_bins < 1:
        raise InputError(f"reliability_curve needs n_bins of at least 1, got {n_bins}. Give 15.")
    codes, proba = judged(codes, proba)
    top = proba.max(axis=1)
    is_right = proba.argmax(axis=1) == codes
    inside = bin_of(top, n_bins)
    counts = np.bincount(inside, minlength=n_bins)
    stated = np.bincount(inside, weights=top, minlength=n_bins)
    right = np.bincount(inside, weights=is_right, minlength=n_bins)
    ece = float(np.abs(stated - right).sum() / len(codes)) if len(codes) else float("nan")
    centres = (np.arange(n_bins) + 0.5) / n_bins
    empty = np.where(counts > 0, 1.0, np.nan) / np.maximum(counts, 1)
    return ReliabilityCurve(centres, stated * empty, right * empty, counts.astype(np.int64), ece)


def bin_of(confidence: NDArray[np.float64], n_bins: int = N_BINS) -> NDArray[np.int64]:
    """(n,) bins of (n,) confidences in 0..1; a bin holds its upper edge, not its lower one.

    >>> bin_of(np.array([0.0, 0.5, 0.51, 1.0]), n_bins=2)
    array([0, 0, 1, 1])
    """
    return np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)


def expected_calibration_error(codes: NDArray[Any], proba: NDArray[Any], n_bins: int = N_BINS) -> float:
    """Mean distance between the stated confidence and the share that was right, 0..1; NaN without rows.

    Confidence is the probability of the predicted class; bins have equal width and weigh as many rows as they hold.

    Args:
        codes: (n,) true classes.
        proba: (n, n_classes) probabilities; rows of NaN are left out.
        n_bins: of equal width over 0..1.

    Raises:
        InputError: ``n_bins`` is below 1, or the arguments cannot be.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015.

    >>> expected_calibration_error(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]]))
    0.25
    """
    return reliability_curve(codes, proba, n_bins=n_bins).ece


def _log(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(np.clip(proba, SMALLEST, 1.0))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    softened: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return softened
