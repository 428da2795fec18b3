"""ONNX Runtime: one graph over all cores."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable

import onnxruntime as ort
import torch
from torch import nn

from headstart.errors import InputError
from headstart.features.runtimes.runtime import Batch, Signature, Sink


class OnnxRuntime:
    """Runs a module exported to ONNX; single precision and one shape only."""

    name = "onnxruntime"

    def __init__(self, module: nn.Module, signature: Signature, precision: str) -> None:
        if precision != "fp32":
            raise InputError(f"Runtime onnxruntime needs precision 'fp32', got {precision!r}. Use openvino or torch.")
        self.precision, self.batch_size = precision, signature.batch_size
        self.version = f"{ort.__version__}-cpu"
        self._session = ort.InferenceSession(_graph(module, signature), providers=["CPUExecutionProvider"])
        self._inputs = [node.name for node in self._session.get_inputs()]

    def run(self, batches: Iterable[Batch], sink: Sink) -> None:
        """Feed batches one after the other; the session uses every core itself."""
        for number, batch in enumerate(batches):
            sink(number, self._session.run(None, dict(zip(self._inputs, batch, strict=True)))[0])


def _graph(module: nn.Module, signature: Signature) -> bytes:
    """The serialised ONNX graph of ``module`` for one batch shape."""
    if not signature.is_static:
        raise InputError("Runtime onnxruntime needs batches of one shape, got any. Use openvino or torch.")
    exporters = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in exporters]
    buffer = io.BytesIO()
    try:
        for logger in exporters:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            example = tuple(torch.from_numpy(array) for array in signature.example())
            program = torch.onnx.export(module, example, dynamo=True, verbose=False)
            assert program is not None
            buffer.write(program.model_proto.SerializeToString())
    finally:
        for logger, level in zip(exporters, levels, strict=True):
            logger.setLevel(level)
    return buffer.getvalue()


def build(module: nn.Module, signature: Signature, precision: str) -> OnnxRuntime:
    """The runtime for ``module``; see :func:`headstart.features.runtimes.runtime.build_runtime`."""
    return OnnxRuntime(module, signature, precision)
