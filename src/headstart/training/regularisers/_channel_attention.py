"""Which channels of a pretrained network a task needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.training.batches import Batches
from headstart.training.forward import device_of
from headstart.training.regularisers._feature_maps import Maps, by_channel, maps_of
from headstart.training.regularisers._pretrained_self import remember_features

MOST = 256
"""Examples that are looked at."""
_RIDGE = 0.1


def even_attention(maps: Maps) -> dict[str, Tensor]:
    """(channels,) equal weights of sum 1 for each layer."""
    widths = {name: by_channel(m[:1]).shape[1] for name, m in maps.items()}
    return {name: torch.full((width,), 1.0 / width) for name, width in widths.items()}


def channel_attention(copy: nn.Module, places: Mapping[str, str], batches: Batches) -> dict[str, Tensor]:
    """(channels,) weights of sum 1 for each layer: the softmax of by how much a channel's absence would raise the loss.

    The loss is that of a ridge regression of the targets on the pretrained features. That a channel is missing is seen
    to first order, ``-mean sum (dL / dm_j) m_j``, which takes one pass; the paper leaves out one channel at a time. The
    effects are divided by their deviation before the softmax, so that the scale of the loss does not matter.

    Args:
        copy: the pretrained trunk, frozen.
        places: name of a layer -> its place in the trunk.
        batches: examples with targets, codes of classes or numbers; at most :data:`MOST` are drawn.
    """
    drawn = np.sort(np.random.default_rng(0).permutation(batches.n)[:MOST])
    few = Batches(lambda rows, epoch: batches.load(drawn[rows], epoch), len(drawn), batches.size)
    before, targets = remember_features("delta", copy, few)
    wanted = _as_numbers(targets[0])
    slopes, offsets = ridge(before.values, wanted)
    device, total = device_of(copy), {name: torch.zeros(1) for name in places}
    for batch in few.in_order():
        moved = batch.to(device)
        with torch.enable_grad(), maps_of(copy, places, change=torch.clone) as maps:
            features = copy(*moved.inputs).float()
            rows = torch.from_numpy(before.rows.searchsorted(batch.rows))
            misses = features @ slopes.to(device) + offsets.to(device) - wanted[rows].to(device)
            loss = misses.square().sum() / 2
            slopes_of_maps = torch.autograd.grad(loss, list(maps.values()))
        for (name, m), slope in zip(maps.items(), slopes_of_maps, strict=True):
            n_positions = m[0].numel() // by_channel(m[:1]).shape[1]
            effect = -by_channel(slope * m.detach()).sum(dim=0) * n_positions
            total[name] = total[name] + effect.cpu()
    return {name: torch.softmax(_scaled(effect / few.n), dim=0) for name, effect in total.items()}


def ridge(rows: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """(d, k) slopes and (k,) offsets of a ridge regression on (n, d) rows; its penalty is a tenth of their variance."""
    X, Y = rows.double(), wanted.double()
    mean, target_mean = X.mean(dim=0), Y.mean(dim=0)
    X, Y = X - mean, Y - target_mean
    penalty = _RIDGE * max(float(X.square().sum()) / X.shape[1], 1e-12)
    inner = X.T @ X + penalty * torch.eye(X.shape[1], dtype=X.dtype)
    slopes = torch.linalg.solve(inner, X.T @ Y)
    return slopes.float(), (target_mean - mean @ slopes).float()


def _as_numbers(targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return targets.reshape(len(targets), -1).float()
    return functional.one_hot(targets.long(), int(targets.max()) + 1).float()


def _scaled(effect: Tensor) -> Tensor:
    deviation = float(effect.std()) if len(effect) > 1 else 0.0
    return effect / deviation if deviation > 0 else effect
