"""Pictures mirrored every other epoch."""

from __future__ import annotations

from typing import ClassVar, final

from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared


@final
class Flip(Augmentation):
    """Left and right change places in odd epochs; nothing is random, so that two views are all there is."""

    name: ClassVar[str] = "flip"
    kinds: ClassVar[frozenset[str]] = frozenset({"pixels", "frames"})
    fixed_views: ClassVar[tuple[int, ...] | None] = (0, 1)

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """(b, ..., h, w, 3) pixels."""
        return (inputs[0].flip(-2),) if draws.epoch % 2 else inputs
