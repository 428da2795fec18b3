"""A margin on the angle to an example's own class."""

from __future__ import annotations

from math import cos, pi, sin
from typing import final

import torch
from torch import Tensor

from headstart.training.forward import Loss

_INSIDE = 1e-6
"""Cosines are kept so far from 1, where the derivative of the sine is infinite."""


@final
class ArcMargin:
    """``base`` of scores in which ``s cos(a)`` of the own class is replaced by ``s cos(a + margin)``.

    Where ``a + margin`` is beyond pi, ``s (cos(a) - margin sin(margin))`` takes its place, so that it falls in a.

    Args:
        base: loss of scores and codes.
        sharpness: s, what cosines were multiplied with.
        margin: radians.

    Source: Deng et al., ArcFace, CVPR 2019.
    """

    def __init__(self, base: Loss, *, sharpness: float, margin: float) -> None:
        self.base, self.sharpness, self.margin = base, sharpness, margin

    def __call__(self, outputs: Tensor, codes: Tensor) -> Tensor:
        """(b,) losses of (b, n_classes) scaled cosines and (b,) codes."""
        own = outputs.float().gather(1, codes[:, None]) / self.sharpness  # (b, 1)
        sine = torch.sqrt(torch.clamp(1 - own.square(), min=_INSIDE))
        turned = own * cos(self.margin) - sine * sin(self.margin)
        turned = torch.where(own > cos(pi - self.margin), turned, own - self.margin * sin(self.margin))
        return self.base(outputs.float().scatter(1, codes[:, None], self.sharpness * turned), codes)
