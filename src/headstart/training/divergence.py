"""Seeing that a run diverges."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import final


class Diverged(Exception):  # noqa: N818 - no error of the user's: the loop answers it
    """The loss is no longer finite, or has exploded."""


@final
class LossWatch:
    """Looks at the loss of each step: ``smooth = 0.8 * smooth + 0.2 * loss``.

    Args:
        explosion: how many times the first loss, or 1 where that is below 1, the smoothed loss may reach.
    """

    def __init__(self, explosion: float) -> None:
        self.explosion = explosion
        self.first: float | None = None
        self.smooth = 0.0

    def see(self, loss: float, at_first: Callable[[], float]) -> None:
        """Take in the loss of a step.

        Args:
            loss: of its batch.
            at_first: gives the loss of this batch with the weights of the first step. Asked only where the smoothed
                loss is too high: the batch of the first step may have been an easy one.

        Raises:
            Diverged: it is not finite, or the smoothed loss is too high.
        """
        if not isfinite(loss):
            raise Diverged(f"a loss of {loss}")
        if self.first is None:
            self.first = self.smooth = loss
        self.smooth = 0.8 * self.smooth + 0.2 * loss
        if self._is_too_high(self.first):
            self.first = max(self.first, at_first())
            if self._is_too_high(self.first):
                raise Diverged(f"a loss of {self.smooth:.3g}, after {self.first:.3g} at first")

    def _is_too_high(self, first: float) -> bool:
        return self.smooth > self.explosion * max(1.0, first)
