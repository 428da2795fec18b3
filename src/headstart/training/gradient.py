"""The gradient of one batch, in parts where the memory does not hold it whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.batches import Batch
from headstart.training.forward import Loss
from headstart.training.penalty import Penalty, seen_by_head

_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def add_gradient(
    module: nn.Module,
    batch: Batch,
    loss: Loss,
    *,
    micro_batch: int | None,
    precision: str,
    seed: int,
    penalty: Penalty | None = None,
) -> tuple[Tensor, int | None]:
    """Add the gradient of the weighted mean loss of ``batch`` to the parameters, which have none before.

    Without enough memory it begins anew with half as many examples at once, which changes the gradient by rounding
    alone, unless the module has batch norm.

    Args:
        module: in training mode.
        batch: on the module's device.
        loss: gives (b,) losses.
        micro_batch: examples that pass through at once, or None for all.
        precision: "fp32" or "bf16".
        seed: where torch's generators begin.
        penalty: is added to the mean loss; each part counts with its share of the weight.

    Returns:
        (b,) losses without the penalty, and the number of examples that passed through at once.

    Raises:
        InputError: the memory does not hold one example.
    """
    buffers = [buffer.clone() for buffer in module.buffers()]
    while True:
        _begin_random_numbers(seed, _device(batch))
        try:
            return _in_parts(module, batch, loss, micro_batch, precision, penalty), micro_batch
        except (RuntimeError, MemoryError) as error:
            if not is_memory_error(error):
                raise
        # Outside of the clause: inside, the traceback would keep the activations alive.
        module.zero_grad(set_to_none=True)
        for buffer, before in zip(module.buffers(), buffers, strict=True):
            buffer.copy_(before)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        micro_batch = _halved(min(micro_batch or len(batch), len(batch)))


@torch.no_grad()
def losses_at(
    weights: Mapping[str, Tensor],
    module: nn.Module,
    batch: Batch,
    loss: Loss,
    *,
    micro_batch: int | None,
    precision: str,
    seed: int,
) -> Tensor:
    """(b,) losses of ``batch`` with other weights and buffers, as :func:`add_gradient` gives them; nothing changes."""
    own = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.load_state_dict(weights)
    _begin_random_numbers(seed, _device(batch))
    parts = (batch.take(places) for places in _parts(len(batch), micro_batch))
    try:
        passed = ((_passed_through(module, part, precision, None)[0], part) for part in parts)
        return torch.cat([loss(_unhalved(outputs), *part.targets) for outputs, part in passed])
    finally:
        module.load_state_dict(own)


def is_memory_error(error: BaseException) -> bool:
    """True for the ways in which torch says that memory has run out."""
    is_told = any(words in str(error).lower() for words in _MEMORY_WORDS)
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (isinstance(error, RuntimeError) and is_told)


def _begin_random_numbers(seed: int, device: torch.device) -> None:
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed accelerators that nobody restores
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def _halved(micro_batch: int) -> int:
    if micro_batch == 1:
        raise InputError(
            "Training needs memory for one example at a time, got too little. Take a smaller model or smaller examples."
        )
    return -(-micro_batch // 2)


def _in_parts(
    module: nn.Module, batch: Batch, loss: Loss, micro_batch: int | None, precision: str, penalty: Penalty | None
) -> Tensor:
    weights = torch.ones(len(batch), device=_device(batch)) if batch.weights is None else batch.weights.float()
    total = weights.sum().clamp_min(1e-12)
    found = []
    for places in _parts(len(batch), micro_batch):
        part = batch.take(places)
        outputs, extra = _passed_through(module, part, precision, penalty)
        losses = loss(_unhalved(outputs), *part.targets)  # (b,)
        value = losses @ (weights[places] / total).to(losses.dtype)
        if extra is not None:
            value = value + extra * (weights[places].sum() / total).to(extra.dtype)
        torch.autograd.backward(value)
        found.append(losses.detach())
    return torch.cat(found)


def _passed_through(
    module: nn.Module, part: Batch, precision: str, penalty: Penalty | None
) -> tuple[Any, Tensor | None]:
    """The outputs, and the penalty; what the penalty passes through a network of its own has the same precision."""
    if penalty is None:
        with _precision(precision, part):
            return module(*part.inputs), None
    with _precision(precision, part):
        with seen_by_head(module) as seen, penalty.watching(module):
            outputs = module(*part.inputs)
        features = seen[-1] if seen else outputs
        return outputs, penalty.penalty(module, part, _whole(features), _whole(outputs))


def _whole(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _unhalved(outputs: Any) -> Any:
    """What a loss takes: nothing in bf16."""
    if type(outputs) in (tuple, list):
        return type(outputs)(_unhalved(part) for part in outputs)
    return outputs.float() if isinstance(outputs, Tensor) and outputs.dtype == torch.bfloat16 else outputs


def _parts(n: int, micro_batch: int | None) -> Iterator[slice]:
    """Slices as even as they can be, so that none holds a single example without need."""
    n_parts = -(-n // (micro_batch or n))
    ends = [n * part // n_parts for part in range(n_parts + 1)]
    return (slice(start, end) for start, end in zip(ends, ends[1:], strict=False))


def _precision(precision: str, batch: Batch) -> AbstractContextManager[Any]:
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(_device(batch).type, dtype=torch.bfloat16)


def _device(batch: Batch) -> torch.device:
    return batch.inputs[0].device
