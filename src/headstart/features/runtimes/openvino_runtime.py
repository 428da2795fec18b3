"""OpenVINO: several requests in flight on every core of a processor."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from threading import Lock
from typing import Any

import numpy as np
import openvino as ov
import torch
from torch import nn

from headstart.cores import n_cores
from headstart.features.runtimes.runtime import Batch, Signature, Sink


class OpenVinoRuntime:
    """Runs a module converted to OpenVINO, one stream a core."""

    name = "openvino"

    def __init__(self, module: nn.Module, signature: Signature, precision: str) -> None:
        self.precision, self.batch_size = precision, signature.batch_size
        self.version = f"{ov.__version__.split('-')[0]}-cpu"
        example = tuple(torch.from_numpy(array) for array in signature.example())
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            graph = ov.convert_model(
                module,
                example_input=example[0] if len(example) == 1 else example,
                input=[ov.PartialShape(list(shape)) for shape in signature.shapes],
            )
        cores = n_cores()
        self._compiled = ov.Core().compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
                "PERFORMANCE_HINT": "THROUGHPUT",
                "NUM_STREAMS": cores,
                "INFERENCE_NUM_THREADS": cores,
            },
        )
        self._requests = 2 * cores

    def run(self, batches: Iterable[Batch], sink: Sink) -> None:
        """Keep every request busy; rows reach ``sink`` as they are done."""
        queue = ov.AsyncInferQueue(self._compiled, self._requests)
        failures: list[BaseException] = []
        one_at_a_time = Lock()

        def done(request: Any, number: int) -> None:
            try:
                rows = np.array(request.get_output_tensor().data, dtype=np.float32)
                with one_at_a_time:
                    sink(number, rows)
            except BaseException as error:  # handed to the caller's thread below
                failures.append(error)

        queue.set_callback(done)
        try:
            for number, batch in enumerate(batches):
                queue.start_async(dict(enumerate(batch)), number)
                if failures:
                    break
        finally:
            queue.wait_all()
        if failures:
            raise failures[0]


def build(module: nn.Module, signature: Signature, precision: str) -> OpenVinoRuntime:
    """The runtime for ``module``; see :func:`headstart.features.runtimes.runtime.build_runtime`."""
    return OpenVinoRuntime(module, signature, precision)
