"""What makes the outputs of a task's model honest, learnt from out-of-fold outputs; by name."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.alarm_threshold import AlarmThreshold
from headstart.evaluation.calibration import TemperatureScaling
from headstart.evaluation.conformal import ConformalInterval
from headstart.evaluation.label_scaling import LabelScaling


class Calibration(Protocol):
    """What :func:`calibration` gives."""

    def fit(self, y: NDArray[Any], predicted: NDArray[Any]) -> Any:
        """Learn from encoded targets and out-of-fold predictions."""
        ...

    def transform(self, predicted: NDArray[Any]) -> NDArray[np.float64]:
        """Predictions made honest."""
        ...

    def to_state(self) -> dict[str, Any]:
        """What JSON can hold; the settings that make the same again."""
        ...


CALIBRATIONS: dict[str, Any] = {
    "temperature": TemperatureScaling,
    "conformal": ConformalInterval,
    "label_scaling": LabelScaling,
    "alarm_threshold": AlarmThreshold,
}


def calibration(name: str, state: dict[str, Any] | None = None) -> Calibration:
    """The calibration ``name``, unfitted or as ``to_state`` described it.

    Raises:
        InputError: there is no such calibration.
    """
    if name not in CALIBRATIONS:
        raise InputError(f"calibration needs one of {', '.join(CALIBRATIONS)}, got {name!r}. Use the task's.")
    made: Calibration = CALIBRATIONS[name](**(state or {}))
    return made
