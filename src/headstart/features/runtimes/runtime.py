"""What runs a frozen backbone: one file a runtime, found by file name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.errors import MissingExtraError, UnknownNameError
from headstart.features.pixel_module import PixelModule

RUNTIMES = ("openvino", "onnxruntime", "torch")
"""Runtimes in the order they are tried; torch is always there."""

Sink = Callable[[int, NDArray[np.float32]], None]


class Runtime(Protocol):
    """A backbone made ready to run on batches of one fixed size.

    Attributes:
        name: one of :data:`RUNTIMES`.
        version: version of the library that computes, with the device.
        precision: "fp32" or "bf16".
        batch_size: rows of every batch it is given.
    """

    name: str
    version: str
    precision: str
    batch_size: int

    def run(self, batches: Iterable[NDArray[np.uint8]], sink: Sink) -> None:
        """Feed every (batch_size, h, w, 3) batch through and hand ``sink(batch number, (batch_size, dim))`` the rows.

        ``sink`` may be called from another thread and out of order, never twice at once.
        """
        ...


def build_runtime(name: str, module: PixelModule, shape: tuple[int, int, int, int], precision: str) -> Runtime:
    """Make ``module`` run on ``name`` for batches of ``shape`` (n, height, width, 3).

    Raises:
        MissingExtraError: the runtime's package is not installed.
        UnknownNameError: no such runtime.
    """
    if name not in RUNTIMES:
        raise UnknownNameError("Runtime", name, RUNTIMES)
    file = importlib.import_module(f"headstart.features.runtimes.{name}_runtime")
    try:
        runtime: Runtime = file.build(module, shape, precision)
    except ImportError as missing:
        raise MissingExtraError(f"Runtime {name}", missing.name or name, "fast") from missing
    return runtime


def is_installed(name: str) -> bool:
    """True where the runtime's package can be imported (it is not imported here)."""
    from importlib.util import find_spec

    needed = {"torch": ("torch",), "openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx", "onnxscript")}
    return all(find_spec(package) is not None for package in needed[name])
