"""A text encoder made ready: texts become windows of tokens, windows of like length go through together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.features.ready_runtimes import kept_ready
from headstart.features.runtimes.runtime import Batch, Runtime, Signature, build_runtime
from headstart.features.settings import EncoderSettings
from headstart.features.token_stream import TokenStream, token_batch
from headstart.types import TextInput

if TYPE_CHECKING:
    from headstart.features.token_module import TokenModule

REFERENCE_WINDOWS = 8
"""Windows on which runtimes are compared with PyTorch."""

_STAND_INS = ("A short sentence.", "Something else is said here, and at greater length, so that it differs.")


class TokenBackbone:
    """Texts as tokens; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a backbone with a module that takes tokens.
        settings: the encoder's.
    """

    runtimes = ("openvino", "torch")

    def __init__(self, backbone: Backbone, settings: EncoderSettings) -> None:
        spec = backbone.card.input
        assert isinstance(spec, TextInput), "only texts have tokens"
        self._backbone, self._settings, self.spec = backbone, settings, spec

    def build(self, name: str, precision: str) -> Runtime:
        """The runtime ``name`` for batches of any size; the last few are kept ready."""
        key = [self._settings.graph_key(self._backbone.card), name, precision]
        return kept_ready(key, lambda: self._build(name, precision))

    def _build(self, name: str, precision: str) -> Runtime:
        module = self._new_module() if name == "torch" else self._module
        return build_runtime(name, module, Signature(("int64", "int64"), ((-1, -1), (-1, -1))), precision)

    def dim(self) -> int:
        """Width of a row of features."""
        return int(self.reference([[0, 0]]).shape[1])

    def sample(self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int]) -> list[list[int]]:
        """Windows of the ``rows``, the shortest first; stand-ins make up for fewer than two."""
        stream = self.stream(examples, digests, rows, -1)
        windows = [window for batch in stream for window in _windows_of(batch)]
        if len(windows) < 2:
            windows += [window for batch in self.stream(_STAND_INS, (), (0, 1), -1) for window in _windows_of(batch)]
        return sorted(windows, key=len)

    def batches(self, sample: list[list[int]], batch_size: int) -> list[Batch]:
        """Windows of like length together, eight at a time."""
        return [token_batch(sample[begin : begin + 8]) for begin in range(0, len(sample), 8)]

    def reference(self, sample: list[list[int]]) -> NDArray[np.float32]:
        """(n, dim) features of the first windows by plain fp32 PyTorch on the processor."""
        import torch

        with torch.inference_mode():
            arrays = (torch.from_numpy(array) for array in token_batch(sample[:REFERENCE_WINDOWS]))
            rows: NDArray[np.float32] = self._module(*arrays).numpy()
        return rows

    def stream(
        self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int
    ) -> TokenStream:
        """Windows in batches of like length."""
        return TokenStream(examples, rows, self._tokenizer, self.spec)

    @cached_property
    def _tokenizer(self) -> Any:
        return self._backbone.open_tokenizer()

    @cached_property
    def _module(self) -> TokenModule:
        return self._new_module()

    def _new_module(self) -> TokenModule:
        from headstart.features.token_module import TokenModule

        settings = self._settings
        pooling = self.spec.pooling if settings.layer is None else settings.pooling
        return TokenModule(self._backbone.open(), pooling, settings.layer).eval()


def _windows_of(batch: Batch) -> list[list[int]]:
    ids, mask = batch
    return [row[: int(n)].tolist() for row, n in zip(ids, mask.sum(1), strict=True)]
