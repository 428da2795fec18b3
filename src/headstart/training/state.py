"""Everything that a training run knows between two steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn

from headstart.training.divergence import LossWatch
from headstart.training.ema import Ema
from headstart.training.history import EpochRecord, History, Retry

_FACTS = ("n_steps", "step", "epoch", "position", "rate", "learning_rate", "micro_batch", "loss_sum", "loss_weight")
_MORE_FACTS = ("precision", "best_loss", "best_epoch", "stopped_by", "seconds")


@final
@dataclass(eq=False)
class TrainState:
    """Where a run is; what a checkpoint holds and what callbacks see.

    Args:
        module: what is trained.
        optimizer: moves it.
        watch: looks for divergence.
        n_steps: steps that are planned.
        micro_batch: examples that pass through at once, or None for all.
        precision: "fp32" or "bf16".
        ema: the moving average, or None.
        rate: what all rates are multiplied with after retries.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer
    watch: LossWatch
    n_steps: int
    micro_batch: int | None
    precision: str
    ema: Ema | None = None
    rate: float = 1.0
    step: int = 0
    epoch: int = 0
    position: int = 0
    learning_rate: float = 0.0
    loss_sum: float = 0.0
    loss_weight: float = 0.0
    records: list[EpochRecord] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    best_loss: float = float("inf")
    best_epoch: int | None = None
    best: dict[str, Tensor] = field(default_factory=dict)
    stopped_by: str = ""
    seconds: float = 0.0

    def history(self) -> History:
        """What is told of the run."""
        return History(
            epochs=tuple(self.records),
            best_epoch=self.best_epoch,
            stopped_by=self.stopped_by,
            n_steps=self.step,
            retries=tuple(self.retries),
            micro_batch=self.micro_batch,
            precision=self.precision,
            seconds=self.seconds,
        )

    def facts(self) -> dict[str, Any]:
        """All that is no tensor, as JSON can hold it."""
        return {
            **{name: getattr(self, name) for name in _FACTS + _MORE_FACTS},
            "records": [asdict(record) for record in self.records],
            "retries": [asdict(retry) for retry in self.retries],
            "watch": {"first": self.watch.first, "smooth": self.watch.smooth},
        }

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, by a name that says what they belong to."""
        parts = {"module": self.module.state_dict(), "best": self.best, "ema": self.ema.average if self.ema else {}}
        found = {f"{part}:{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
        for number, kept in self.optimizer.state_dict()["state"].items():
            found |= {f"optimizer:{number}:{name}": t for name, t in kept.items() if isinstance(t, Tensor)}
        return found

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Become the state that :meth:`facts` and :meth:`tensors` told."""
        for name in _FACTS + _MORE_FACTS:
            setattr(self, name, facts[name])
        self.records = [EpochRecord(**record) for record in facts["records"]]
        self.retries = [Retry(**retry) for retry in facts["retries"]]
        self.watch.first, self.watch.smooth = facts["watch"]["first"], facts["watch"]["smooth"]
        self.module.load_state_dict(_of(tensors, "module"))
        self.best = _of(tensors, "best")
        if self.ema is not None:
            self.ema.load(_of(tensors, "ema"))
        kept: dict[int, dict[str, Tensor]] = {}
        for place, tensor in _of(tensors, "optimizer").items():
            number, _, name = place.partition(":")
            kept.setdefault(int(number), {})[name] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": kept})


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the module's weights and buffers."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def _of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.partition(":")[2]: t for name, t in tensors.items() if name.partition(":")[0] == part}
