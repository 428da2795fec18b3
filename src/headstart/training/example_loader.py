"""Raw examples as the tensors that a trunk takes, read once and kept as far as the memory is allowed to go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.cores import n_cores
from headstart.errors import HeadstartError, InputError
from headstart.features.window_stream import Window, WindowStream
from headstart.training.batches import Rows

MOST_BYTES = 2 << 30
"""Prepared examples that one loader keeps; what goes beyond is prepared anew each time."""
TRAINING_WINDOWS = 4
"""Windows of a long example that training reads: the longest ones. Prediction reads all."""

_CHUNK = 256

ReadRow = Callable[[int, int], NDArray[Any]]
"""Row number and epoch -> one prepared example."""
Positions = NDArray[np.int64] | None


class ExampleLoader(Protocol):
    """Rows in, tensors out: ``loader(rows, epoch) -> inputs``, each (b, ...).

    Attributes:
        lengths: (n,) length of each example where lengths differ, else None.
    """

    lengths: NDArray[np.int64] | None

    def __call__(self, rows: Rows, epoch: int) -> tuple[Tensor, ...]:
        """The tensors of some examples; the same for the same arguments."""
        ...


@final
class RowLoader:
    """Examples of one shape.

    Args:
        read: prepares an example.
        n: how many there are.
        is_kept: False where an example differs from epoch to epoch, or is wanted once.
        positions: (n,) what messages call the examples; None: their row numbers.

    Raises:
        InputError: an example cannot be read, or has another shape than the first; told by its position.
    """

    lengths: NDArray[np.int64] | None = None

    def __init__(self, read: ReadRow, n: int, *, is_kept: bool = True, positions: Positions = None) -> None:
        self._read, self._positions, self._kept = read, positions, None
        if n and is_kept:
            first = self._one(0, 0)
            if n * first.nbytes <= MOST_BYTES:
                self._kept = self._all(np.arange(n), 0)

    def __call__(self, rows: Rows, epoch: int) -> tuple[Tensor, ...]:
        """(b, ...) the examples."""
        return (torch.from_numpy(self._all(rows, epoch) if self._kept is None else self._kept[rows]),)

    def _all(self, rows: Rows, epoch: int) -> NDArray[Any]:
        with ThreadPoolExecutor(n_cores(), thread_name_prefix="headstart-decode") as pool:
            found = list(pool.map(lambda row: self._one(int(row), epoch), rows))
        for row, array in zip(rows, found, strict=True):
            if array.shape != found[0].shape:
                raise InputError(
                    f"FineTune needs examples of one shape, got {array.shape} at position {self._name(int(row))}, "
                    f"others have {found[0].shape}. Bring them to one shape."
                )
        return np.stack(found)

    def _one(self, row: int, epoch: int) -> NDArray[Any]:
        try:
            return self._read(row, epoch)
        except HeadstartError as error:
            raise _unreadable(self._name(row), str(error)) from error

    def _name(self, row: int) -> int:
        return row if self._positions is None else int(self._positions[row])


@final
class WindowLoader:
    """Examples of differing length, in windows: (b, ...) where each has one, else (b, n_windows, ...).

    Args:
        stream: cuts examples into windows.
        n: how many examples there are.
        arrays: windows -> arrays (m, ...) for a module.
        most_windows: of an example; the longest are taken. None: all.
        positions: (n,) what messages call the examples; None: their row numbers.

    Raises:
        InputError: an example cannot be read; told by its position.
    """

    lengths: NDArray[np.int64] | None

    def __init__(
        self,
        stream: WindowStream,
        n: int,
        arrays: Callable[[Sequence[Window]], tuple[NDArray[Any], ...]],
        *,
        most_windows: int | None = None,
        positions: Positions = None,
    ) -> None:
        self._stream, self._arrays, self._most, self._positions = stream, arrays, most_windows, positions
        self._kept: dict[int, list[Window]] = {}
        self.lengths, n_bytes = np.zeros(n, dtype=np.int64), 0
        for begin in range(0, n, _CHUNK):
            for row, windows in self._prepared(range(begin, min(n, begin + _CHUNK))).items():
                self.lengths[row] = sum(window.weight for window in windows)
                n_bytes += sum(_bytes(window.content) for window in windows)
                if n_bytes <= MOST_BYTES:
                    self._kept[row] = windows

    def __call__(self, rows: Rows, epoch: int) -> tuple[Tensor, ...]:
        """The windows of some examples."""
        absent = [int(row) for row in dict.fromkeys(rows.tolist()) if row not in self._kept]
        found = self._kept if not absent else {**self._kept, **self._prepared(absent)}
        each = [found[int(row)] for row in rows]
        arrays = self._arrays([window for windows in each for window in windows])
        most = max(len(windows) for windows in each)
        if most == 1:
            return tuple(torch.from_numpy(array) for array in arrays)
        places = np.concatenate([place * most + np.arange(len(windows)) for place, windows in enumerate(each)])
        return tuple(torch.from_numpy(_spread(array, places, len(rows), most)) for array in arrays)

    def _prepared(self, rows: Sequence[int]) -> dict[int, list[Window]]:
        found: dict[int, list[Window]] = {}
        for window in self._stream.prepare(rows):
            found.setdefault(window.row, []).append(window)
        for row in rows:
            if row not in found:
                name = row if self._positions is None else int(self._positions[row])
                raise _unreadable(name, self._stream.problems.get(row, "nothing in it"))
        return found if self._most is None else {row: windows[-self._most :] for row, windows in found.items()}


def _spread(array: NDArray[Any], places: NDArray[np.int64], b: int, most: int) -> NDArray[Any]:
    """(b, most, ...) with zeros where an example has fewer windows."""
    whole = np.zeros((b * most, *array.shape[1:]), dtype=array.dtype)
    whole[places] = array
    return whole.reshape(b, most, *array.shape[1:])


def _bytes(content: Any) -> int:
    return int(content.nbytes) if isinstance(content, np.ndarray) else 8 * len(content)


def _unreadable(position: int, reason: str) -> InputError:
    return InputError(f"FineTune needs readable examples, got {reason} (position {position}).")
