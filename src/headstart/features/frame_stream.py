"""Clips of video on their way to a runtime: opened in threads, every frame a row of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.data.video_file import open_frames
from headstart.errors import HeadstartError
from headstart.features.pixels import prepare
from headstart.features.runtimes.runtime import Batch
from headstart.features.window_stream import Window, WindowStream
from headstart.types import ImageInput


class FrameStream(WindowStream):
    """Frames as pixels; the row of a clip is those of its frames, one after the other.

    Args:
        examples: clips.
        rows: which of them.
        spec: the pixels that the backbone wants.
        n_frames: of a clip.
        batch_size: rows of every batch.
    """

    chunk_rows = 16

    def __init__(
        self, examples: Sequence[Any], rows: Sequence[int], spec: ImageInput, n_frames: int, batch_size: int
    ) -> None:
        super().__init__(examples, rows)
        self._spec, self._n_frames, self._batch_size = spec, n_frames, batch_size
        self._frames: dict[int, dict[int, NDArray[np.float32]]] = {}  # row -> frames that came back, by their number

    def prepare(self, rows: Sequence[int]) -> list[Window]:
        """The frames of some clips."""
        with ThreadPoolExecutor(n_cores(), thread_name_prefix="headstart-video") as pool:
            return [window for windows in pool.map(self._opened, rows) for window in windows]

    def batches(self, windows: list[Window]) -> Iterator[Sequence[Window]]:
        """As they come."""
        for begin in range(0, len(windows), self._batch_size):
            yield windows[begin : begin + self._batch_size]

    def arrays(self, windows: Sequence[Window]) -> Batch:
        """Pixels, filled up with zeros."""
        pixels = np.zeros((self._batch_size, self._spec.height, self._spec.width, 3), dtype=np.uint8)
        for place, window in enumerate(windows):
            pixels[place] = window.content[1]
        return (pixels,)

    def finished(self, number: int, features: NDArray[np.float32]) -> list[tuple[int, NDArray[np.float32]]]:
        """The clips of which the last frame came back."""
        done = []
        for window, values in zip(self._batches.pop(number), features, strict=False):  # batches may be filled up
            frames = self._frames.setdefault(window.row, {})
            frames[window.content[0]] = values.copy()
            if len(frames) == self._n_frames:
                del self._frames[window.row], self._n_left[window.row]
                done.append((window.row, np.concatenate([frames[place] for place in range(self._n_frames)])))
        return done

    def _opened(self, row: int) -> list[Window]:
        try:
            frames = open_frames(self._examples[row], n_frames=self._n_frames)
        except HeadstartError as error:
            self.problems[row] = str(error)
            return []
        return [Window(row, 1, (place, prepare(frame, self._spec))) for place, frame in enumerate(frames)]
