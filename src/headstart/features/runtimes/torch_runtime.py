"""PyTorch: the reference on a processor, and the fast one on a graphics card."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from headstart.features.runtimes.runtime import Batch, Signature, Sink


class TorchRuntime:
    """Runs a module in PyTorch, channels last; bf16 by autocast; compiled on a graphics card."""

    name = "torch"

    def __init__(self, module: nn.Module, signature: Signature, precision: str) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision, self.batch_size = precision, signature.batch_size
        self.version = f"{torch.__version__}-{self.device.type}"
        # Blocks of frames, (n, t, 3, h, w), have no such layout.
        has_blocks = any(tensor.ndim > 4 for tensor in (*module.parameters(), *module.buffers()))
        module = module.to(self.device)
        self._module: Callable[..., Tensor] = module if has_blocks else module.to(memory_format=torch.channels_last)
        if self.device.type == "cuda" and precision == "bf16":
            self._module = torch.compile(self._module)

    def run(self, batches: Iterable[Batch], sink: Sink) -> None:
        """Feed batches one after the other."""
        is_bf16 = self.precision == "bf16"
        for number, batch in enumerate(batches):
            with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16):
                rows = self._module(*(torch.from_numpy(array).to(self.device, non_blocking=True) for array in batch))
            sink(number, rows.float().cpu().numpy())


def build(module: nn.Module, signature: Signature, precision: str) -> TorchRuntime:
    """The runtime for ``module``; see :func:`headstart.features.runtimes.runtime.build_runtime`."""
    return TorchRuntime(module, signature, precision)
