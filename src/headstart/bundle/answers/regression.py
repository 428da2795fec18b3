"""The predicted number, and the interval that holds the truth as often as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMN, DTYPE, FIGURES = "value", np.float64, "predict_interval"


def answers(outputs: NDArray[np.float64], calibration: Any, classes: tuple[str, ...]) -> list[float]:
    """N numbers."""
    return [float(value) for value in outputs]


def figures(outputs: NDArray[np.float64], calibration: Any) -> NDArray[np.float64]:
    """(n, 2) lower and upper ends."""
    return np.asarray(calibration.interval(outputs))


def columns(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The ends."""
    return ("low", "high")


def as_text(answer: float) -> str:
    """Eight digits.

    >>> as_text(1 / 3)
    '0.33333333'
    """
    return f"{answer:.8g}"
