"""Prepared examples that are augmented anew in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared
from headstart.training.batches import Rows
from headstart.training.example_loader import ExampleLoader


@final
class AugmentedLoader:
    """What ``loader`` gives, augmented; in epoch 0 as it is.

    The same rows and epoch give the same, so a run that goes on sees what the undisturbed one would have seen.

    Args:
        loader: of plain examples.
        augmentations: one after the other.
        prepared: what the tensors are.
        random_state: seed.
    """

    def __init__(
        self, loader: ExampleLoader, augmentations: Sequence[Augmentation], prepared: Prepared, random_state: int
    ) -> None:
        self._loader, self._augmentations = loader, tuple(augmentations)
        self._prepared, self._random_state = prepared, random_state
        self.lengths = loader.lengths

    def __call__(self, rows: Rows, epoch: int) -> Inputs:
        """The tensors of some examples."""
        inputs = self._loader(rows, epoch)
        if epoch == 0:
            return inputs
        named = tuple(int(row) for row in rows)
        for place, augmentation in enumerate(self._augmentations):
            inputs = augmentation(inputs, Draws(self._random_state, epoch, named, place), self._prepared)
        return inputs
