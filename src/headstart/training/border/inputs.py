"""Examples as the lower part of a module takes them, and what decides them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from headstart.data.image_file import open_image
from headstart.data.modalities.modality import get_modality
from headstart.errors import UnknownNameError
from headstart.features.cache_key import JSON
from headstart.features.pixels import POLICIES, View, prepare
from headstart.features.settings import EncoderSettings
from headstart.training.batches import Rows
from headstart.training.example_loader import RowLoader
from headstart.training.trunk import Trunk
from headstart.types import ImageInput


@final
@dataclass(frozen=True, eq=False)
class BorderInputs:
    """n examples, in the plain view 0 and in augmented ones.

    Args:
        load: (b,) row numbers and the number of a view -> inputs, each (b, ...); the same for the same arguments.
        digests: (n,) digests of 32 bytes of the examples' content.
        key: all that decides the inputs besides content and view.
        view_key: number of a view -> what of it decides the inputs.
        lengths: (n,) lengths where examples differ in shape, else None.
    """

    load: Callable[[Rows, int], tuple[Tensor, ...]]
    digests: Sequence[bytes]
    key: dict[str, JSON]
    view_key: Callable[[int], JSON]
    lengths: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.digests)


def inputs_of(trunk: Trunk, examples: Sequence[Any], *, augmentation: str = "none") -> BorderInputs:
    """Raw examples for a part of ``trunk``.

    Args:
        trunk: whose preparation is meant.
        examples: n raw examples.
        augmentation: of pictures: one of :data:`~headstart.features.pixels.POLICIES`; views 1, 2, ... are its views.

    Raises:
        InputError: an example cannot be read.
        UnknownNameError: no such augmentation for this kind of example.
    """
    is_picture = isinstance(trunk.card.input, ImageInput)
    known = POLICIES if is_picture else ("none",)
    if augmentation not in known:
        raise UnknownNameError("Augmentation", augmentation, known)
    settings = EncoderSettings(resolution=trunk.resolution)
    key = {name: value for name, value in settings.key(trunk.card).items() if name not in ("weights", "view")}
    digests = _digests(trunk, examples)

    def view_of(number: int) -> View:
        return View(augmentation, trunk.random_state, number)

    if not is_picture:
        loader = trunk.loader(examples)
        return BorderInputs(loader, digests, key, lambda view: cast(JSON, view_of(0).key), loader.lengths)
    spec = settings.spec(trunk.card)
    assert spec is not None, "pictures have pixels"

    def read(row: int, number: int) -> NDArray[np.uint8]:
        return prepare(open_image(examples[row]), spec, view_of(number), digests[row])

    load = RowLoader(read, len(examples), is_kept=False)
    return BorderInputs(load, digests, key, lambda view: cast(JSON, view_of(view).key))


def _digests(trunk: Trunk, examples: Sequence[Any]) -> list[bytes]:
    if trunk.card.input is None:  # arrays for a module of one's own
        return [_array_digest(np.asarray(example)) for example in examples]
    digest = get_modality(trunk.card.modality).digest
    return [digest(example) for example in examples]


def _array_digest(array: NDArray[Any]) -> bytes:
    about = f"{array.dtype.str} {array.shape} ".encode()
    return hashlib.sha256(about + np.ascontiguousarray(array).tobytes()).digest()
