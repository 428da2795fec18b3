"""The most probable class, and the probability of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMN, DTYPE, FIGURES = "label", object, "predict_proba"


def answers(outputs: NDArray[np.float64], calibration: Any, classes: tuple[str, ...]) -> list[str]:
    """N class names."""
    return [classes[code] for code in outputs.argmax(axis=1)] if len(outputs) else []


def figures(outputs: NDArray[np.float64], calibration: Any) -> NDArray[np.float64]:
    """(n, n_classes) probabilities."""
    return outputs


def columns(classes: tuple[str, ...]) -> tuple[str, ...]:
    """One a class."""
    return tuple(f"p({name})" for name in classes)


def as_text(answer: str) -> str:
    """The class name."""
    return answer
