"""Two examples one over the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

import torch

from headstart.errors import InputError
from headstart.training.augmentation._augmentation import Augmentation, Inputs, Order
from headstart.training.augmentation._sound_pairs import join_sounds

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@final
class Mixup(Augmentation):
    """``s x + (1 - s) x'`` with one s of Beta(alpha, alpha) for the batch; the targets likewise.

    Sounds are laid over each other, beginnings aligned, as far as both last; where the partner is over, its share of
    the label is less.

    Args:
        alpha: above 0; the larger, the more even the shares.

    Source: Zhang et al., mixup: Beyond empirical risk minimization, ICLR 2018.
    """

    name: ClassVar[str] = "mixup"
    kinds: ClassVar[frozenset[str]] = frozenset({"pixels", "frames", "mels", "waves"})
    is_mixing: ClassVar[bool] = True
    sees_others: ClassVar[bool] = True

    def __init__(self, *, alpha: float = 0.2) -> None:
        if not alpha > 0:
            raise InputError(f"mixup needs alpha above 0, got {alpha!r}. Take 0.2.")
        self.alpha = alpha

    def mix(self, inputs: Inputs, order: Order, draw: np.random.Generator, kind: str) -> tuple[Inputs, Tensor]:
        """Mixed examples; pixels are rounded to uint8."""
        share = float(draw.beta(self.alpha, self.alpha))
        if kind in ("pixels", "frames"):
            own = inputs[0].float()
            laid = share * own + (1 - share) * own[torch.from_numpy(order)]
            return (laid.round().to(inputs[0].dtype),), torch.full((len(own),), share)

        def join(own: Tensor, other: Tensor) -> float:
            common = other.shape[-1]
            own[..., :common] = share * own[..., :common] + (1 - share) * other
            return (1 - share) * common

        return join_sounds(inputs, order, kind, join)
