"""A random part of the picture, perhaps mirrored."""

from __future__ import annotations

from typing import ClassVar, final

from headstart.training.augmentation._augmentation import Augmentation


@final
class CropFlip(Augmentation):
    """Half to all of the area at an aspect of 3/4 to 4/3, and a coin for mirroring.

    It is cut from the picture as it came, not from the prepared pixels, so :func:`headstart.features.pixels.prepare`
    does it while the picture is read; a call changes nothing.

    Source: Szegedy et al., Going deeper with convolutions, CVPR 2015.
    """

    name: ClassVar[str] = "crop_flip"
    kinds: ClassVar[frozenset[str]] = frozenset({"pixels"})
    view: ClassVar[str] = "crop_flip"
