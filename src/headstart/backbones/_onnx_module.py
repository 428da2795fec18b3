"""An ONNX graph behind the signature that image backbones have; it has no gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.cores import n_cores
from headstart.errors import IntegrityError


class OnnxModule(nn.Module):
    """(n, 3, h, w) -> (n, dim) by onnxruntime on the processor, whatever device the pixels are on.

    The graph is a buffer, so that it is saved and loaded like weights. Parameters there are none, so that nothing can
    be trained and no gradient reaches the pixels.

    Args:
        recipe: "input", "output" (names), "is_half", "has_channels_last", "batch" (rows, or None for any),
            "pooling" ("mean" or "cls" over tokens) and "bytes" (size of the graph).
        graph: the graph, or None to leave room for it.
    """

    runs_in = ("torch",)

    def __init__(self, recipe: Mapping[str, Any], graph: bytes | None = None) -> None:
        super().__init__()
        self.recipe = dict(recipe)
        self.graph: Tensor
        held = torch.zeros(recipe["bytes"], dtype=torch.uint8)
        if graph is not None:
            held = torch.frombuffer(bytearray(graph), dtype=torch.uint8)
        self.register_buffer("graph", held)
        self._session: Any = None
        self.register_load_state_dict_post_hook(_forget_session)  # type: ignore[no-untyped-call]

    def forward(self, pixels: Tensor) -> Tensor:
        """Pooled output of the graph."""
        rows = pixels.detach().float().cpu().numpy()
        rows = rows.transpose(0, 2, 3, 1) if self.recipe["has_channels_last"] else rows
        rows = np.ascontiguousarray(rows, dtype=np.float16 if self.recipe["is_half"] else np.float32)
        found = np.concatenate([self._run(part) for part in self._batches(rows)])
        return torch.from_numpy(np.ascontiguousarray(self._pooled(found), dtype=np.float32)).to(pixels.device)

    def _batches(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        size = self.recipe["batch"] or len(rows)
        return [rows[first : first + size] for first in range(0, len(rows), size)]

    def _run(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The graph's output for one batch, which is filled up to the size the graph was made for."""
        n_lacking = (self.recipe["batch"] or len(rows)) - len(rows)
        filled = np.concatenate([rows, np.zeros((n_lacking, *rows.shape[1:]), rows.dtype)]) if n_lacking else rows
        (found,) = self._open().run([self.recipe["output"]], {self.recipe["input"]: filled})
        whole: NDArray[Any] = np.asarray(found)
        return whole[: len(rows)]

    def _pooled(self, found: NDArray[Any]) -> NDArray[Any]:
        if found.ndim == 4:  # positions down and across
            return np.asarray(found.mean((1, 2) if self.recipe["has_channels_last"] else (2, 3)))
        if found.ndim == 3:  # (n, tokens, dim)
            return found[:, 0] if self.recipe["pooling"] == "cls" else found.mean(1)
        return found.reshape(len(found), -1)

    def _open(self) -> Any:
        if self._session is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.log_severity_level = n_cores(), 3
            content = self.graph.cpu().numpy().tobytes()
            try:
                self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            except Exception as error:  # a border: onnxruntime raises kinds of its own
                first = " ".join(str(error).split())[:200]
                raise IntegrityError(
                    f"An ONNX backbone needs a graph that onnxruntime can run, got one it cannot: {first}. "
                    "Export the model anew."
                ) from error
        return self._session

    def __getstate__(self) -> dict[str, Any]:
        """Without the session, which cannot be copied."""
        return {**self.__dict__, "_session": None}


def _forget_session(module: nn.Module, _: Any) -> None:
    assert isinstance(module, OnnxModule)
    module._session = None
