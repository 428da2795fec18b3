"""Intervals around predicted numbers that hold the truth as often as they say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

COVERAGE = 0.9
"""Share of new rows that an interval is meant to hold."""


class ConformalInterval:
    """The predicted number plus and minus a quantile of the out-of-fold errors; the number itself stays.

    With n out-of-fold errors the half width is the ceil((n + 1) * coverage)-th smallest, so that a new row of the same
    kind is held with at least that probability, up to the difference between models fitted to folds and to all rows;
    with too few rows for that, it is the largest error.

    Args:
        half_width: known beforehand, e.g. read from a bundle; None until fitted.
        coverage: share of new rows to hold, between 0 and 1.

    Attributes:
        half_width_: in the unit of the numbers.

    Source: Papadopoulos et al., Inductive Confidence Machines for Regression, ECML 2002; Vovk, Cross-conformal
    predictors, Annals of Mathematics and Artificial Intelligence 74 (2015).
    """

    def __init__(self, half_width: float | None = None, *, coverage: float = COVERAGE) -> None:
        if not 0 < coverage < 1:
            raise InputError(f"ConformalInterval needs coverage between 0 and 1, got {coverage!r}. Give 0.9.")
        self.coverage = coverage
        if half_width is not None:
            self.half_width_ = float(half_width)

    def fit(self, y: NDArray[Any], predicted: NDArray[Any]) -> ConformalInterval:
        """Take the quantile of the errors.

        Args:
            y: (n,) true numbers.
            predicted: (n,) out-of-fold ones; NaN are left out.

        Raises:
            InputError: there are no rows.
        """
        errors = np.abs(np.asarray(y, dtype=np.float64) - np.asarray(predicted, dtype=np.float64))
        errors = np.sort(errors[~np.isnan(errors)])
        if not len(errors):
            raise InputError("ConformalInterval needs rows to fit, got none. Give out-of-fold predictions.")
        place = int(np.ceil((len(errors) + 1) * self.coverage - 1e-9))
        self.half_width_ = float(errors[min(place, len(errors)) - 1])
        return self

    def transform(self, predicted: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) the same numbers."""
        return np.asarray(predicted, dtype=np.float64)

    def interval(self, predicted: NDArray[Any]) -> NDArray[np.float64]:
        """(n, 2) lower and upper ends around (n,) predicted numbers."""
        centre = self.transform(predicted)
        return np.stack([centre - self.half_width_, centre + self.half_width_], axis=1)

    def to_state(self) -> dict[str, Any]:
        """Half width and coverage."""
        return {"half_width": self.half_width_, "coverage": self.coverage}
