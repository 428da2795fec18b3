"""Windows of long examples, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from headstart.features.mel_stream import FRAMES_A_STATE

N_AXES = {"tokens": 2, "mels": 3, "waves": 2}
"""Kind -> axes of a batch whose examples have one window each."""


def each_window(contents: Tensor, counts: Tensor, kind: str) -> Iterator[tuple[int, Tensor, int]]:
    """Place of the example, window (a view into ``contents``), and how much of its last axis is no filling.

    Args:
        contents: (b, ...) or (b, n_windows, ...), contiguous.
        counts: (b,) or (b, n_windows) samples, or states of spectrograms; windows of 0 are left out.
        kind: "mels" or "waves".
    """
    windows = contents.view(-1, *contents.shape[contents.ndim - N_AXES[kind] + 1 :])
    n_each = len(windows) // max(1, len(contents))
    for place, count in enumerate(counts.reshape(-1).tolist()):
        if count:
            length = count * FRAMES_A_STATE if kind == "mels" else count
            yield place // n_each, windows[place], min(length, windows.shape[-1])
