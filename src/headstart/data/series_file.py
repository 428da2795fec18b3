"""One time series: an array of steps, or the .npy file that holds one."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.raw_file import UnreadableError, one_line, read_bytes, source_name

SERIES_SUFFIXES = frozenset({".npy"})
MAX_STEPS = 10_000_000


class UnreadableSeriesError(UnreadableError):
    """A series is missing, empty, or holds no finite number.

    Args:
        source: the path, or a description of the array.
        reason: what is wrong, a predicate in words.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "open_series", "a whole time series of numbers")


def open_series(source: Any) -> NDArray[np.float32]:
    """(n_steps, n_channels) float32; gaps (nan) are filled in a straight line between their neighbours.

    Args:
        source: (n_steps,) or (n_steps, n_channels) numbers, a list of numbers, or the path of such an array as .npy.

    Raises:
        UnreadableSeriesError: it is anything else, empty, or holds infinite numbers or a channel of gaps alone.
    """
    name = source_name(source)
    steps = _loaded(source, name) if isinstance(source, str | os.PathLike) else source
    try:
        array = np.array(steps, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnreadableSeriesError(name, "holds something other than numbers") from None
    if array.ndim not in (1, 2) or not array.size:
        raise UnreadableSeriesError(name, f"has shape {array.shape}, not (steps,) or (steps, channels)")
    if len(array) > MAX_STEPS:
        raise UnreadableSeriesError(name, f"has {len(array):,} steps, more than the {MAX_STEPS:,} allowed")
    array = array.reshape(len(array), -1)
    if np.isinf(array).any():
        raise UnreadableSeriesError(
            name, f"holds an infinite number at step {int(np.isinf(array).any(1).argmax()) + 1}"
        )
    if np.isnan(array).all(axis=0).any():
        raise UnreadableSeriesError(name, "has a channel without a single number")
    return _filled(array).astype(np.float32)


def _loaded(path: Any, name: str) -> Any:
    if os.path.splitext(str(path))[1].lower() not in SERIES_SUFFIXES:
        raise UnreadableSeriesError(name, "is no .npy file")
    content = read_bytes(path)
    if not content:
        raise UnreadableSeriesError(name, "is empty (0 bytes)")
    try:
        return np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UnreadableSeriesError(name, f"is no whole .npy array of numbers ({one_line(error)})") from None


def _filled(array: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.arange(len(array))
    for channel in np.flatnonzero(np.isnan(array).any(axis=0)):
        known = ~np.isnan(array[:, channel])
        array[~known, channel] = np.interp(steps[~known], steps[known], array[known, channel])
    return array
