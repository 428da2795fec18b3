"""Heavy products on an accelerator where torch finds one; elsewhere everything stays NumPy and torch isn't imported.

Rows go there as tensors, block by block, through :func:`placed`; kernels, random features and sums take tensors as they
take arrays; what comes of them is brought back by :func:`fetched`. Neither knows what is computed. It was tested with
torch's processor in the accelerator's place (``computing_on("cpu")``), where figures agree with NumPy's to rounding; it
has been timed on no accelerator, so that :data:`LARGE_WORK` is a cautious guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE_WORK = 2 * 10**10
"""Multiplications from which the way there is worth it: about a second of one core."""
LEFT_FREE = 4
"""What is placed may take so small a share of the accelerator's free memory: one in so many parts."""
DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "C:/Windows/System32/nvcuda.dll")
"""Files of which one is there where an accelerator is."""

_chosen: ContextVar[str | None] = ContextVar("headstart_device", default=None)


@contextmanager
def computing_on(device: str) -> Iterator[None]:
    """Within, all such work of this thread goes to a device of torch, however small: "cuda:1", or "cpu" for tests."""
    token = _chosen.set(device)
    try:
        yield
    finally:
        _chosen.reset(token)


def placed(rows: NDArray[Any], work: float, *, dtype: Any = None) -> Any:
    """The array as a tensor on the accelerator, or as it is where there is none or it isn't worth it.

    Args:
        rows: any shape.
        work: multiplications of all that will be done to these rows and those after them.
        dtype: what the tensor is cast to; an array that stays is not.
    """
    device = _chosen.get()
    if device is None and work >= LARGE_WORK and _is_there():
        device = _device_with_room(rows.nbytes)
    if device is None:
        return rows
    import torch

    found = torch.tensor(np.ascontiguousarray(rows), device=device)
    return found if dtype is None else found.to(getattr(torch, np.dtype(dtype).name))


def fetched(values: Any) -> NDArray[Any]:
    """A tensor as an array; an array as it is."""
    return from_tensor(values)  # type: ignore[no-any-return]


def beside(values: NDArray[Any], rows: Any) -> Any:
    """An array where the rows are, in their float type if that is the accelerator; as it is beside arrays."""
    if not is_tensor(rows) or is_tensor(values):
        return values
    import torch

    return torch.tensor(np.ascontiguousarray(values), dtype=rows.dtype, device=rows.device)


def is_tensor(values: Any) -> bool:
    """True for torch's tensors; torch isn't imported to know."""
    return type(values).__module__.partition(".")[0] == "torch" and hasattr(values, "detach")


def namespace(values: Any) -> Any:
    """The module whose functions take these values: torch or NumPy."""
    if is_tensor(values):
        import torch

        return torch
    return np


def from_tensor(values: Any) -> Any:
    """A tensor on any device as an array of its float type, half ones as float32; anything else as it is."""
    if not is_tensor(values):
        return values
    found = values.detach().cpu()
    return (found.float() if str(found.dtype) in ("torch.bfloat16", "torch.float16") else found).numpy()


@cache
def _is_there() -> bool:
    if not any(Path(driver).exists() for driver in DRIVERS) or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _device_with_room(n_bytes: int) -> str | None:
    import torch

    return "cuda" if LEFT_FREE * n_bytes <= torch.cuda.mem_get_info()[0] else None
