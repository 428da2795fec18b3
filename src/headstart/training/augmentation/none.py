"""Examples as they are."""

from __future__ import annotations

from typing import ClassVar, final

from headstart.training.augmentation._augmentation import Augmentation
from headstart.training.augmentation._kinds import KINDS


@final
class NoAugmentation(Augmentation):
    """Changes nothing."""

    name: ClassVar[str] = "none"
    kinds: ClassVar[frozenset[str]] = frozenset(KINDS)
    fixed_views: ClassVar[tuple[int, ...] | None] = (0,)
