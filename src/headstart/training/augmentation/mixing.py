"""Batches whose examples are each mixed with another of the batch, and whose targets are mixed alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from headstart.training.augmentation._augmentation import Augmentation, Order
from headstart.training.batches import Batch, Batches, Rows

_PLACE = 1 << 16
"""Tells these random numbers from those of single examples."""


def mixed(
    batches: Batches, mixings: Sequence[Augmentation], *, kind: str, n_classes: int | None, random_state: int = 0
) -> Batches:
    """The batches with mixed examples; those of epoch 0 stay as they are.

    Codes (b,) become (b, n_classes) shares that add up to 1, numbers (b, 1) become those between. An example and its
    partner count with their weights: mixed losses of (w, y) and (w', y') are the loss of the mean weight and of the
    targets' mean by weight. What is drawn hangs on seed, epoch and first row.

    Args:
        batches: plain ones.
        mixings: of several, a random one for each batch.
        kind: of the inputs, a key of :data:`~headstart.training.augmentation._kinds.KINDS`.
        n_classes: of codes; None: targets are numbers.
        random_state: seed.
    """

    def load(rows: Rows, epoch: int) -> Batch:
        batch = batches.load(rows, epoch)
        if epoch == 0:
            return batch
        draw = np.random.default_rng([random_state, epoch, int(rows[0]), _PLACE])
        mixing, order = mixings[int(draw.integers(len(mixings)))], draw.permutation(len(rows))
        inputs, own = mixing.mix(batch.inputs, order, draw, kind)
        return mixed_targets(replace(batch, inputs=inputs), order, own, n_classes)

    return replace(batches, load=load)


def mixed_targets(batch: Batch, order: Order, own: Tensor, n_classes: int | None) -> Batch:
    """The batch with targets and weights that are mixed.

    Args:
        batch: with mixed inputs.
        order: (b,) places of the partners.
        own: (b,) share of its own in each example, 0..1.
        n_classes: of codes; None: targets are numbers.
    """
    partners = torch.from_numpy(order)
    weights = torch.ones(len(batch)) if batch.weights is None else batch.weights.float()
    first, second = own * weights, (1 - own) * weights[partners]
    total = first + second  # (b,)
    share = torch.where(total > 0, first / total.clamp_min(1e-12), own)[:, None]

    def mix(target: Tensor) -> Tensor:
        each = target.float() if n_classes is None else functional.one_hot(target, n_classes).float()
        return share * each + (1 - share) * each[partners]

    targets = tuple(mix(target) for target in batch.targets)
    return replace(batch, targets=targets, weights=None if batch.weights is None else total)
