"""Whether an example is anomalous, and how strange it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMN, DTYPE, FIGURES = "is_anomalous", bool, "anomaly_score"


def answers(outputs: NDArray[np.float64], calibration: Any, classes: tuple[str, ...]) -> list[bool]:
    """N flags."""
    return [bool(flag) for flag in calibration.decide(outputs)]


def figures(outputs: NDArray[np.float64], calibration: Any) -> NDArray[np.float64]:
    """(n, 2) scores, and the threshold above which an example is anomalous."""
    return np.stack([outputs, np.full(len(outputs), calibration.threshold_)], axis=1)


def columns(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Score and threshold."""
    return ("score", "threshold")


def as_text(answer: bool) -> str:
    """0 or 1.

    >>> as_text(True)
    '1'
    """
    return str(int(answer))
