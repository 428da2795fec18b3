"""What runs a frozen backbone: one file a runtime, found by file name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.errors import MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

RUNTIMES = ("openvino", "onnxruntime", "torch")
"""Runtimes in the order they are tried; torch is always there."""

Batch = tuple[NDArray[Any], ...]
"""The arrays that a module takes, one row an example."""

Sink = Callable[[int, NDArray[np.float32]], None]


@dataclass(frozen=True)
class Signature:
    """What a module takes.

    Args:
        dtypes: of each array.
        shapes: of each array; -1 where any size may come.
    """

    dtypes: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def batch_size(self) -> int:
        """Rows of every batch, or -1 where batches differ."""
        return self.shapes[0][0]

    @property
    def is_static(self) -> bool:
        """True where every size is known."""
        return all(size > 0 for shape in self.shapes for size in shape)

    def example(self, size: int = 16) -> Batch:
        """Arrays of ones that fit; ``size`` stands for any."""
        shapes = [tuple(n if n > 0 else size for n in shape) for shape in self.shapes]
        return tuple(np.ones(shape, dtype=dtype) for shape, dtype in zip(shapes, self.dtypes, strict=True))


class Runtime(Protocol):
    """A backbone made ready to run.

    Attributes:
        name: one of :data:`RUNTIMES`.
        version: version of the library that computes, with the device.
        precision: "fp32" or "bf16".
        batch_size: rows of every batch it is given, or -1 where they differ.
    """

    name: str
    version: str
    precision: str
    batch_size: int

    def run(self, batches: Iterable[Batch], sink: Sink) -> None:
        """Feed every batch through and hand ``sink(batch number, (n, dim))`` the rows.

        ``sink`` may be called from another thread and out of order, never twice at once.
        """
        ...


def build_runtime(name: str, module: nn.Module, signature: Signature, precision: str) -> Runtime:
    """Make ``module`` run on ``name`` for batches as ``signature`` says.

    Raises:
        MissingExtraError: the runtime's package is not installed.
        UnknownNameError: no such runtime.
    """
    if name not in RUNTIMES:
        raise UnknownNameError("Runtime", name, RUNTIMES)
    file = importlib.import_module(f"headstart.features.runtimes.{name}_runtime")
    try:
        runtime: Runtime = file.build(module, signature, precision)
    except ImportError as missing:
        raise MissingExtraError(f"Runtime {name}", missing.name or name, "fast") from missing
    return runtime


def is_installed(name: str) -> bool:
    """True where the runtime's package can be imported (it is not imported here)."""
    from importlib.util import find_spec

    needed = {"torch": ("torch",), "openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx", "onnxscript")}
    return all(find_spec(package) is not None for package in needed[name])
