"""From which score on an example is called anomalous."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

FALSE_ALARMS = 0.05
"""Share of normal examples that may be called anomalous."""


class AlarmThreshold:
    """The score that at most so many normal rows exceed out of fold; the scores themselves stay.

    Args:
        threshold: known beforehand, e.g. read from a bundle; None until fitted.
        false_alarms: share of normal rows above it, between 0 and 1.

    Attributes:
        threshold_: an example is anomalous above it.

    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for the place of the quantile.
    """

    def __init__(self, threshold: float | None = None, *, false_alarms: float = FALSE_ALARMS) -> None:
        if not 0 < false_alarms < 1:
            raise InputError(f"AlarmThreshold needs false_alarms between 0 and 1, got {false_alarms!r}. Give 0.05.")
        self.false_alarms = false_alarms
        if threshold is not None:
            self.threshold_ = float(threshold)

    def fit(self, y: NDArray[Any], predicted: NDArray[Any]) -> AlarmThreshold:
        """Take the quantile of the normal rows' scores.

        Args:
            y: (n,) 1 where anomalous.
            predicted: (n,) out-of-fold scores; NaN are left out.

        Raises:
            InputError: no normal row has a score.
        """
        scores = np.asarray(predicted, dtype=np.float64)
        normal = np.sort(scores[(np.asarray(y) == 0) & ~np.isnan(scores)])
        if not len(normal):
            raise InputError("AlarmThreshold needs normal rows to fit, got none. Give out-of-fold scores.")
        place = int(np.ceil((len(normal) + 1) * (1 - self.false_alarms) - 1e-9))
        self.threshold_ = float(normal[min(place, len(normal)) - 1])
        return self

    def transform(self, predicted: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) the same scores."""
        return np.asarray(predicted, dtype=np.float64)

    def decide(self, scores: NDArray[Any]) -> NDArray[np.bool_]:
        """(n,) True above the threshold."""
        return np.asarray(np.asarray(scores) > self.threshold_)

    def to_state(self) -> dict[str, Any]:
        """Threshold and share."""
        return {"threshold": self.threshold_, "false_alarms": self.false_alarms}
