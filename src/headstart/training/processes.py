"""The processes that train one module together, as ``torchrun`` starts them; mostly there is one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from headstart.errors import MissingExtraError
from headstart.training.batches import Batch, Rows


@final
@dataclass(frozen=True)
class Processes:
    """What one of n processes does alone, and what they agree in. With one, nothing is done and nothing copied.

    Every process calls the same methods in the same order with values of its own. A process that fails ends alone;
    ``torchrun`` then ends the others.

    Args:
        rank: number of this one; 0 writes, tells and decides.
        n: how many there are.
        device: where tensors are exchanged.
    """

    rank: int = 0
    n: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def is_first(self) -> bool:
        """True in the process that writes, tells and decides."""
        return self.rank == 0

    def share(self, rows: Rows) -> Rows:
        """Which of the rows of a batch this process takes: neighbours, never none.

        >>> [Processes(rank, 2).share(np.arange(5)).tolist() for rank in (0, 1)]
        [[0, 1, 2], [3, 4]]
        """
        if self.n == 1:
            return rows
        return np.array_split(rows, self.n)[self.rank] if self.rank < len(rows) else rows[:1]

    def weighed(self, batch: Batch, n_rows: int) -> Batch:
        """A share of a batch of ``n_rows``; one of a row that another process has as well counts nothing."""
        return batch if self.rank < n_rows else replace(batch, weights=torch.zeros(len(batch)))

    def mean_gradients(self, module: nn.Module, weight: float) -> None:
        """Every process gets the gradient of the whole batch.

        Args:
            module: whose gradients are those of the weighted mean loss of this process's share.
            weight: sum of the weights of the share.
        """
        if self.n == 1:
            return
        moving = [p for p in module.parameters() if p.requires_grad]
        (whole,) = self.sum(weight)
        is_met = self._sum_of([torch.tensor([float(p.grad is not None) for p in moving])])[0]
        met = [p for p, times in zip(moving, is_met.tolist(), strict=True) if times]
        own = [torch.zeros_like(p) if p.grad is None else p.grad * weight for p in met]
        for parameter, total in zip(met, self._sum_of(own), strict=True):
            parameter.grad = total / max(whole, 1e-12)

    def mean_statistics(self, module: nn.Module, weight: float) -> None:
        """Every process gets the mean of the batch norms' running statistics, by the weight of its share."""
        if self.n == 1:
            return
        buffers = [buffer for buffer in _running(module) if buffer.is_floating_point()]
        (whole,) = self.sum(weight)
        for buffer, total in zip(buffers, self._sum_of([b * weight for b in buffers]), strict=True):
            buffer.copy_(total / max(whole, 1e-12))

    def sum(self, *values: float) -> list[float]:
        """The sums over the processes, in double precision."""
        if self.n == 1:
            return list(values)
        found = self._sum_of([torch.tensor(values, dtype=torch.float64)])[0]
        return [float(value) for value in found]

    def agree(self, value: float) -> float:
        """What the first process says."""
        if self.n == 1:
            return value
        told = torch.tensor([float(value)], dtype=torch.float64, device=self.device)
        return float(_exchange().broadcast(told)[0])

    def first(self, row: int | None, value: float) -> tuple[int, float] | None:
        """What the first of the processes that have a row says; None where none has."""
        if self.n == 1:
            return None if row is None else (row, value)
        told = [float(row is not None), float(row or 0), value]
        every = _exchange().gather(torch.tensor([told], dtype=torch.float64, device=self.device))
        return next(((int(number), said) for has, number, said in every.tolist() if has), None)

    def begin_alike(self, module: nn.Module) -> None:
        """Every process gets the weights and buffers of the first."""
        if self.n > 1:
            with torch.no_grad():
                for tensor in module.state_dict().values():
                    tensor.copy_(_exchange().broadcast(tensor.detach().to(self.device).contiguous().clone()))

    def agree_bytes(self, data: bytes) -> bytes:
        """What the first process has; others may pass nothing."""
        if self.n == 1:
            return data
        n_bytes = int(self.agree(len(data)))
        told = torch.zeros(n_bytes, dtype=torch.uint8, device=self.device)
        if self.is_first and n_bytes:
            told.copy_(torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy()))
        return bytes(_exchange().broadcast(told).cpu().numpy().tobytes()) if n_bytes else b""

    def _sum_of(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sums over the processes, each where and as its tensor is; exchanged at once."""
        found: list[Tensor] = list(tensors)
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            places = [place for place, tensor in enumerate(tensors) if tensor.dtype == dtype]
            flat = torch.cat([tensors[place].detach().reshape(-1).to(self.device) for place in places])
            parts = _exchange().reduce(flat, reduction="sum").split([tensors[place].numel() for place in places])
            for place, part in zip(places, parts, strict=True):
                found[place] = part.reshape(tensors[place].shape).to(tensors[place].device)
        return found


def processes_of(kind: str) -> Processes:
    """The processes that ``torchrun`` started, joined; one where it did not.

    Args:
        kind: of the device that is trained on, such as "cpu" or "cuda"; on "cuda" each process takes a card of its own.

    Raises:
        MissingExtraError: there are several, and Accelerate is not installed.
    """
    n = int(os.environ.get("WORLD_SIZE", "1"))
    return Processes() if n == 1 or "LOCAL_RANK" not in os.environ else _joined(kind == "cpu")


@cache
def _joined(is_cpu: bool) -> Processes:
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise MissingExtraError("Training in several processes", "accelerate", "distributed") from error
    state = PartialState(cpu=is_cpu)
    return Processes(state.process_index, state.num_processes, state.device)


def _exchange() -> Any:
    from accelerate.utils import operations

    return operations


def _running(module: nn.Module) -> Iterable[Tensor]:
    """Statistics of batch norms that move."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training:
            yield from part.buffers(recurse=False)
