"""ONNX Runtime: one graph over all cores."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.features.pixel_module import PixelModule
from headstart.features.runtimes.runtime import Sink


class OnnxRuntime:
    """Runs a :class:`PixelModule` exported to ONNX; single precision only."""

    name = "onnxruntime"

    def __init__(self, module: PixelModule, shape: tuple[int, int, int, int], precision: str) -> None:
        if precision != "fp32":
            raise InputError(f"Runtime onnxruntime needs precision 'fp32', got {precision!r}. Use openvino or torch.")
        self.precision, self.batch_size = precision, shape[0]
        self.version = f"{ort.__version__}-cpu"
        self._session = ort.InferenceSession(_graph(module, shape), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def run(self, batches: Iterable[NDArray[np.uint8]], sink: Sink) -> None:
        """Feed batches one after the other; the session uses every core itself."""
        for number, batch in enumerate(batches):
            sink(number, self._session.run(None, {self._input: batch})[0])


def _graph(module: PixelModule, shape: tuple[int, int, int, int]) -> bytes:
    """The serialised ONNX graph of ``module`` for one batch shape."""
    exporters = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in exporters]
    buffer = io.BytesIO()
    try:
        for logger in exporters:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            example = torch.zeros(shape, dtype=torch.uint8)
            program = torch.onnx.export(module, (example,), dynamo=True, verbose=False)
            assert program is not None
            buffer.write(program.model_proto.SerializeToString())
    finally:
        for logger, level in zip(exporters, levels, strict=True):
            logger.setLevel(level)
    return buffer.getvalue()


def build(module: PixelModule, shape: tuple[int, int, int, int], precision: str) -> OnnxRuntime:
    """The runtime for ``module``; see :func:`headstart.features.runtimes.runtime.build_runtime`."""
    return OnnxRuntime(module, shape, precision)
