"""The labels that are said, and the probability of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMN, DTYPE, FIGURES = "labels", object, "predict_proba"


def answers(outputs: NDArray[np.float64], calibration: Any, classes: tuple[str, ...]) -> list[tuple[str, ...]]:
    """N tuples of label names, perhaps empty."""
    said = calibration.decide(outputs)
    return [tuple(name for name, is_said in zip(classes, row, strict=True) if is_said) for row in said]


def figures(outputs: NDArray[np.float64], calibration: Any) -> NDArray[np.float64]:
    """(n, n_labels) probabilities."""
    return outputs


def columns(classes: tuple[str, ...]) -> tuple[str, ...]:
    """One a label."""
    return tuple(f"p({name})" for name in classes)


def as_text(answer: tuple[str, ...]) -> str:
    """The names as the reader takes them.

    >>> as_text(("a", "b"))
    'a;b'
    """
    return ";".join(answer)
