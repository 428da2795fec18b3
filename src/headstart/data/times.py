"""Turn a column of times into something that sorts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_times(values: Sequence[Any]) -> NDArray[Any] | None:
    """(n,) float64 for numbers, datetime64 for dates in ISO form; None where a value is neither or missing."""
    try:
        numbers = np.array([float(value) for value in values], dtype=np.float64)
        return numbers if np.isfinite(numbers).all() else None
    except (TypeError, ValueError):
        pass
    import pandas as pd

    try:
        moments = pd.to_datetime(list(values), utc=True, format="ISO8601")
    except (TypeError, ValueError):
        return None
    if moments.isna().any():
        return None
    times: NDArray[Any] = moments.tz_localize(None).to_numpy().astype("datetime64[us]")
    return times
