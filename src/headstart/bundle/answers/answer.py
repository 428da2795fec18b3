"""What a task's answer has."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray


class Answer(Protocol):
    """A module of this folder. ``outputs`` are calibrated: (n, n_outputs) probabilities, or (n,) numbers or scores."""

    COLUMN: str
    """How the answer is called in a table."""
    DTYPE: Any
    """Of the array of answers, where every example could be read."""
    FIGURES: str
    """How the method for the figures is called."""

    def answers(self, outputs: NDArray[np.float64], calibration: Any, classes: tuple[str, ...]) -> list[Any]:
        """N answers."""
        ...

    def figures(self, outputs: NDArray[np.float64], calibration: Any) -> NDArray[np.float64]:
        """(n, n_columns) what stands beside the answers."""
        ...

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """The names of the figures' columns."""
        ...

    def as_text(self, answer: Any) -> str:
        """An answer in a cell of a table."""
        ...


def answer_of(task: str) -> Answer:
    """The answer of a task."""
    return cast(Answer, import_module(f"headstart.bundle.answers.{task}"))
