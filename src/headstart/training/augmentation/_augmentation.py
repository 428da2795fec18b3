"""What an augmentation is, and what it may know of the examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Inputs = tuple[Tensor, ...]
Order = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Draws:
    """Where the random numbers of a batch come from: a generator for each example, whoever it shares the batch with.

    Args:
        random_state: seed.
        epoch: number of the epoch.
        rows: row number of each example.
        place: of the augmentation among several.
    """

    random_state: int
    epoch: int
    rows: tuple[int, ...]
    place: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[np.random.Generator]:
        for row in self.rows:
            yield np.random.default_rng([self.random_state, self.epoch, row, self.place])


@final
@dataclass(frozen=True)
class Prepared:
    """What the tensors of examples are.

    Args:
        kind: a key of :data:`~headstart.training.augmentation._kinds.KINDS`.
        mask_id: of texts: the token that stands for a hidden one.
        special_ids: of texts: tokens that are no part of the text.
        rate: of sounds: samples a second.
    """

    kind: str
    mask_id: int = 0
    special_ids: frozenset[int] = frozenset()
    rate: int = 16_000


class Augmentation:
    """Base of augmentations: a file of this folder holds one subclass, whose ``name`` is the file's.

    ``kinds`` says for which examples it is, ``fixed_views`` the epochs after which it begins anew, or None where no
    two epochs are alike, ``view`` the way in which :mod:`~headstart.features.pixels` cuts pictures for it. Those with
    ``is_mixing`` have ``mix`` (see :mod:`~headstart.training.augmentation.mixing`), the others are called.
    ``sees_others`` is True where what becomes of an example hangs on the others of its batch.
    """

    name: ClassVar[str] = ""
    kinds: ClassVar[frozenset[str]] = frozenset()
    fixed_views: ClassVar[tuple[int, ...] | None] = None
    view: ClassVar[str] = "none"
    is_mixing: ClassVar[bool] = False
    sees_others: ClassVar[bool] = False

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """Other examples of the same shapes, dtypes and ranges.

        Args:
            inputs: what a module is called with, each (b, ...); not changed.
            draws: random numbers of the b examples.
            prepared: what the tensors are.
        """
        return inputs

    def mix(self, inputs: Inputs, order: Order, draw: np.random.Generator, kind: str) -> tuple[Inputs, Tensor]:
        """Each example with the one at its place in ``order``.

        Args:
            inputs: each (b, ...); not changed.
            order: (b,) places of the partners.
            draw: random numbers of the batch.
            kind: of the inputs.

        Returns:
            The inputs, and (b,) the share of its own, 0..1, in each example.
        """
        raise NotImplementedError
