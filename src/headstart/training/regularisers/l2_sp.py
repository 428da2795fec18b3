"""L2-SP: the weights are pulled to where pre-training left them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.batches import Batch, Batches
from headstart.training.penalty import Penalty


@final
class L2SP(Penalty):
    """``alpha / 2 * |w - w_0|^2`` over the trunk's weights and ``beta / 2 * |w|^2`` over the head's.

    It takes the place of weight decay, which pulls to 0: train with ``weight_decay=0``. Parts that an adapter adds
    are pulled to what they were when it began.

    Args:
        alpha: pull of the trunk to its first weights, at least 0.
        beta: pull of the head to 0, at least 0.

    Raises:
        InputError: a setting makes no sense.

    Source: Li, Grandvalet and Davoine, Explicit inductive bias for transfer learning with convolutional networks,
    ICML 2018.
    """

    name: ClassVar[str] = "l2_sp"

    def __init__(self, *, alpha: float = 0.1, beta: float = 0.01) -> None:
        if not (alpha >= 0 and beta >= 0):
            raise InputError(f"l2_sp needs alpha and beta of at least 0, got {alpha!r} and {beta!r}. Correct them.")
        self.alpha = alpha
        self.beta = beta
        self._first: dict[str, Tensor] = {}

    def begin(self, network: nn.Module, blocks: Mapping[str, nn.Module], batches: Batches) -> None:
        """Remember the weights of the trunk."""
        self._first = {name: p.detach().clone() for name, p in network.named_parameters() if not _is_head(name)}

    def penalty(self, network: nn.Module, batch: Batch, features: Tensor, scores: Tensor) -> Tensor:
        """A scalar; weights that do not move cost nothing."""
        total = scores.new_zeros(())
        for name, p in network.named_parameters():
            if not p.requires_grad:
                continue
            if _is_head(name):
                total = total + self.beta / 2 * p.square().sum()
            else:
                total = total + self.alpha / 2 * (p - self._of(name, p)).square().sum()
        return total

    def _of(self, name: str, now: Tensor) -> Tensor:
        first = self._first.get(name)
        if first is None or first.shape != now.shape:
            got = "none of that name" if first is None else f"shape {tuple(first.shape)}"
            raise InputError(
                f"l2_sp needs the first weights of {name!r}, got {got}. Call begin with the network that is trained."
            )
        if first.device != now.device:
            first = self._first[name] = first.to(now.device)
        return first


def _is_head(name: str) -> bool:
    return name.startswith("head.")
