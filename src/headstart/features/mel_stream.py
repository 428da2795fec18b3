"""Clips on their way to a runtime: opened in threads, cut into windows, filled up to few different lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.data.audio_file import open_audio
from headstart.errors import HeadstartError
from headstart.features.log_mel import log_mel
from headstart.features.runtimes.runtime import Batch
from headstart.features.window_stream import Window, WindowStream
from headstart.types import AudioInput

MOST_WINDOWS = 120
"""Windows of one clip (an hour of half minutes); what comes after them is not heard."""
BATCH_FRAMES = 3000
BATCH_WINDOWS = 16
FRAMES_A_STATE = 2
"""A speech encoder gives one state for so many frames."""


class MelStream(WindowStream):
    """Windows of whole seconds.

    Args:
        examples: clips.
        rows: which of them.
        spec: what the backbone wants.
    """

    chunk_rows = 256

    def __init__(self, examples: Sequence[Any], rows: Sequence[int], spec: AudioInput) -> None:
        super().__init__(examples, rows)
        self._spec = spec

    def prepare(self, rows: Sequence[int]) -> list[Window]:
        """The windows of some clips, the shortest first."""
        with ThreadPoolExecutor(n_cores(), thread_name_prefix="headstart-sound") as pool:
            found = [window for windows in pool.map(self._opened, rows) for window in windows]
        return sorted(found, key=lambda window: window.content.shape[1])

    def batches(self, windows: list[Window]) -> Iterator[Sequence[Window]]:
        """Windows of one length together, the longest first."""
        for frames, group in groupby(reversed(windows), key=lambda window: window.content.shape[1]):
            same = list(group)
            size = max(1, min(BATCH_WINDOWS, BATCH_FRAMES // frames))
            for begin in range(0, len(same), size):
                yield same[begin : begin + size]

    def arrays(self, windows: Sequence[Window]) -> Batch:
        """Spectrograms, and how many states of each mean something."""
        mels = np.stack([window.content for window in windows])
        return mels, np.array([window.weight for window in windows], dtype=np.int64)

    def _opened(self, row: int) -> list[Window]:
        try:
            sound = open_audio(self._examples[row], rate=self._spec.rate)
        except HeadstartError as error:
            self.problems[row] = str(error)
            return []
        return [Window(row, weight, mel) for mel, weight in windows_of(sound, self._spec)]


def windows_of(sound: NDArray[np.float32], spec: AudioInput) -> Iterator[tuple[NDArray[np.float32], int]]:
    """(n_mels, frames) spectrograms of a sound's windows, each with the number of states that are not filled up."""
    longest = int(spec.max_seconds * spec.rate)
    step = int(spec.step_seconds * spec.rate)
    for begin in range(0, min(len(sound), MOST_WINDOWS * longest), longest):
        part = sound[begin : begin + longest]
        filled = np.zeros(-(-len(part) // step) * step, dtype=np.float32)
        filled[: len(part)] = part
        yield log_mel(filled, spec), max(1, -(-len(part) // (spec.hop * FRAMES_A_STATE)))
