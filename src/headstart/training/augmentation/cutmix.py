"""A piece of another example in each."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, ClassVar, final

import torch

from headstart.errors import InputError
from headstart.training.augmentation._augmentation import Augmentation, Inputs, Order
from headstart.training.augmentation._sound_pairs import join_sounds

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@final
class CutMix(Augmentation):
    """A box of the partner in its place; targets are mixed by the area that each has in the end.

    The box has the aspect of the example and ``1 - s`` of its area, with one s of Beta(alpha, alpha) and one place, cut
    off at the border, for the batch. In spectrograms it also ends where the partner does.

    Args:
        alpha: above 0; at 1 all areas are alike likely.

    Source: Yun et al., CutMix, ICCV 2019.
    """

    name: ClassVar[str] = "cutmix"
    kinds: ClassVar[frozenset[str]] = frozenset({"pixels", "frames", "mels"})
    is_mixing: ClassVar[bool] = True
    sees_others: ClassVar[bool] = True

    def __init__(self, *, alpha: float = 1.0) -> None:
        if not alpha > 0:
            raise InputError(f"cutmix needs alpha above 0, got {alpha!r}. Take 1.0.")
        self.alpha = alpha

    def mix(self, inputs: Inputs, order: Order, draw: np.random.Generator, kind: str) -> tuple[Inputs, Tensor]:
        """Mixed examples."""
        side = sqrt(1 - float(draw.beta(self.alpha, self.alpha)))
        across, down = draw.random(2)
        if kind in ("pixels", "frames"):
            height, width = inputs[0].shape[-3:-1]
            rows, columns = _extent(height, side, down), _extent(width, side, across)
            cut = inputs[0].clone()
            cut[..., rows, columns, :] = inputs[0][torch.from_numpy(order)][..., rows, columns, :]
            share = 1 - _length(rows) * _length(columns) / (height * width)
            return (cut,), torch.full((len(cut),), share)

        def join(own: Tensor, other: Tensor) -> float:
            bands, frames = _extent(own.shape[0], side, down), _extent(own.shape[1], side, across)
            frames = slice(min(frames.start, other.shape[1]), min(frames.stop, other.shape[1]))
            own[bands, frames] = other[bands, frames]
            return _length(bands) * _length(frames) / own.shape[0]

        return join_sounds(inputs, order, kind, join)


def _extent(n: int, side: float, centre: float) -> slice:
    """The places of a box of ``side * n`` around ``centre * n`` that there are."""
    length, middle = int(n * side), int(n * centre)
    return slice(max(0, middle - length // 2), min(n, middle + length - length // 2))


def _length(places: slice) -> int:
    return int(places.stop - places.start)
