"""What series share before they are compared: their number of channels and usual length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.modalities.modality import get_modality
from headstart.data.series_file import UnreadableSeriesError


def shape_of(examples: Sequence[Any]) -> tuple[int, int]:
    """(median number of steps, most frequent number of channels) of raw examples."""
    shapes = [get_modality("series").open_example(example).shape for example in examples]
    channels = Counter(shape[1] for shape in shapes).most_common(1)[0][0]
    return int(np.median([shape[0] for shape in shapes])), channels


def checked(series: NDArray[np.float32], n_channels: int) -> NDArray[np.float32]:
    """The series, if it has so many channels.

    Raises:
        UnreadableSeriesError: it has more or fewer.
    """
    if series.shape[1] != n_channels:
        reason = f"has {series.shape[1]} channels, not the {n_channels} that were learnt from"
        raise UnreadableSeriesError("series", reason)
    return series
