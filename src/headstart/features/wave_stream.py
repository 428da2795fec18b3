"""Clips on their way to a runtime as plain samples: opened in threads, cut into windows, sorted by length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.data.audio_file import open_audio
from headstart.errors import HeadstartError
from headstart.features.runtimes.runtime import Batch
from headstart.features.window_stream import Window, WindowStream
from headstart.types import WaveInput

MOST_SECONDS = 3600
"""Of one clip; what comes after them is not heard."""
BATCH_WINDOWS = 16
BATCH_FULL_WINDOWS = 2
"""A batch holds no more samples than so many whole windows."""
LIKE_LENGTH = 0.75
"""Windows shorter than this share of the longest of a batch wait for the next one."""


class WaveStream(WindowStream):
    """Windows of samples.

    Args:
        examples: clips.
        rows: which of them.
        spec: what the backbone wants.
    """

    chunk_rows = 256

    def __init__(self, examples: Sequence[Any], rows: Sequence[int], spec: WaveInput) -> None:
        super().__init__(examples, rows, is_normalised=spec.is_normalised)
        self._spec = spec

    def prepare(self, rows: Sequence[int]) -> list[Window]:
        """The windows of some clips, the shortest first."""
        with ThreadPoolExecutor(n_cores(), thread_name_prefix="headstart-sound") as pool:
            found = [window for windows in pool.map(self._opened, rows) for window in windows]
        return sorted(found, key=lambda window: len(window.content))

    def batches(self, windows: list[Window]) -> Iterator[Sequence[Window]]:
        """Windows of like length together, the longest first."""
        most_samples = BATCH_FULL_WINDOWS * self._spec.window_samples
        batch: list[Window] = []
        for window in reversed(windows):
            longest = len(batch[0].content) if batch else 0
            least = LIKE_LENGTH * longest if self._spec.is_filled_up else longest
            is_full = len(batch) == BATCH_WINDOWS or (len(batch) + 1) * longest > most_samples
            if batch and (is_full or len(window.content) < least):
                yield batch
                batch = []
            batch.append(window)
        if batch:
            yield batch

    def arrays(self, windows: Sequence[Window]) -> Batch:
        """(n, samples) float32, filled up with zeros, and (n,) int64 how many of each are no filling."""
        n_samples = np.array([len(window.content) for window in windows], dtype=np.int64)
        waves = np.zeros((len(windows), n_samples.max()), dtype=np.float32)
        for place, window in enumerate(windows):
            waves[place, : len(window.content)] = window.content
        return waves, n_samples

    def _opened(self, row: int) -> list[Window]:
        try:
            sound = open_audio(self._examples[row], rate=self._spec.rate)
        except HeadstartError as error:
            self.problems[row] = str(error)
            return []
        return [Window(row, len(part), part) for part in wave_windows(sound, self._spec)]


def wave_windows(sound: NDArray[np.float32], spec: WaveInput) -> list[NDArray[np.float32]]:
    """The windows of a sound, one behind the other; an end too short for the backbone is left out.

    Args:
        sound: (n_samples,) float32 at ``spec.rate``.
        spec: what the backbone wants.

    Returns:
        arrays of ``spec.min_samples`` to ``spec.window_samples`` samples, at least one.
    """
    heard = sound[: MOST_SECONDS * spec.rate]
    if len(heard) < spec.min_samples:
        return [np.pad(heard, (0, spec.min_samples - len(heard)))]
    parts = [heard[begin : begin + spec.window_samples] for begin in range(0, len(heard), spec.window_samples)]
    return parts if len(parts[-1]) >= spec.min_samples else parts[:-1]
