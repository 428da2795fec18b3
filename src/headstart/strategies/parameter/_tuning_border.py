"""Training from the border: where the lower part is frozen, what it gives is computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.training.tuned import Tuned
from headstart.types import ImageInput

if TYPE_CHECKING:
    from headstart.strategies.parameter._tuning_part import TuningPart
    from headstart.training.batches import Batch, Batches
    from headstart.training.border.cache import BorderCache
    from headstart.training.border.plan import BorderPlan
    from headstart.training.trunk import Trunk


@final
@dataclass(frozen=True, eq=False)
class BorderRun:
    """What is trained in the place of the whole network, with which it shares its weights.

    Args:
        network: the upper part of the trunk, and the head.
        fitting: activations to train on.
        held: activations to judge by, or None.
        plan: what they take on disk.
    """

    network: Tuned
    fitting: Batches
    held: Batches | None
    plan: BorderPlan


def border_run(
    network: Tuned,
    trunk: Trunk,
    block: str | None,
    fitting: TuningPart,
    held: TuningPart | None,
    *,
    augmentation: str,
    cache: bool | str | Path,
    size: int,
    random_state: int,
) -> BorderRun | None:
    """Cut below ``block`` and fill the cache; None where that is of no use or cannot be.

    Of no use: nothing lies below, nothing moves at all, or each epoch has views of its own. It cannot be: the module
    cannot be cut there, or the disk has no room.

    Args:
        network: with what is frozen frozen.
        trunk: of the network.
        block: the lowest that moves.
        fitting: what is trained on.
        held: what judges.
        augmentation: of the training examples.
        cache: True (the user's), the folder of a cache, or False (none).
        size: examples of a batch.
        random_state: seed of the order.
    """
    fixed = _views(trunk, augmentation, len(fitting))
    if cache is False or fixed is None or block is None or block == next(iter(trunk.blocks)):
        return None
    from headstart.features.cache import FeatureCache
    from headstart.training.border.cache import BorderCache
    from headstart.training.border.inputs import inputs_of
    from headstart.training.forward import device_of
    from headstart.training.split import split_at

    kept = FeatureCache(None if cache is True else cache)
    sample = trunk.loader(fitting.examples[:1], is_kept=False)(np.zeros(1, dtype=np.int64), 0)
    device = device_of(trunk.module)
    try:
        lower, upper = split_at(trunk.module, trunk.blocks, block, sample=[part.to(device) for part in sample])
        batches = []
        for part, policy, views, seed in ((fitting, augmentation, fixed, random_state), (held, "none", (0,), 0)):
            if part is None:
                continue
            border = inputs_of(trunk, part.examples, augmentation=policy)
            filled = BorderCache(lower, border, block=block, cache=kept)
            plan = filled.plan(views)
            filled.fill(views)
            batches.append((_named(_batches(filled, part, size, views, seed), part), plan))
    except InputError:
        return None
    return BorderRun(Tuned(upper, network.head), batches[0][0], batches[1][0] if held else None, batches[0][1])


def _views(trunk: Trunk, augmentation: str, n: int) -> tuple[int, ...] | None:
    """The views of an augmentation where they are so few that each is worth keeping."""
    from headstart.training.augmentation.policy import policy_of

    policy = policy_of(augmentation, trunk.card, n)
    return policy.fixed_views if policy.is_plain or isinstance(trunk.card.input, ImageInput) else None


def _batches(filled: BorderCache, part: TuningPart, size: int, views: tuple[int, ...], seed: int) -> Batches:
    import torch

    weights = None if part.weights is None else torch.from_numpy(part.weights)
    targets = (torch.from_numpy(part.encoded),)
    return filled.batches(targets, size=size, views=views, weights=weights, random_state=seed)


def _named(batches: Batches, part: TuningPart) -> Batches:
    """The same; messages name the examples by where they stand in what was passed."""

    def load(rows: NDArray[np.int64], epoch: int) -> Batch:
        return replace(batches.load(rows, epoch), rows=part.named(rows))

    return replace(batches, load=load)
