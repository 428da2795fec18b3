"""Examples in batches, in an order that a seed and the number of the epoch decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = NDArray[np.int64]

POOL_BATCHES = 32
"""Batches whose examples are sorted by length together."""


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples, loaded.

    Args:
        inputs: what the module is called with; each (b, ...).
        targets: what the loss is called with behind the outputs; each (b, ...).
        rows: (b,) row number of each example, for messages.
        weights: (b,) weights of the losses, not negative; None: all 1.
    """

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    rows: Rows
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: slice) -> Batch:
        """Some of the examples."""
        weights = None if self.weights is None else self.weights[places]
        inputs, targets = (tuple(part[places] for part in parts) for parts in (self.inputs, self.targets))
        return Batch(inputs, targets, self.rows[places], weights)

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        weights = None if self.weights is None else self.weights.to(device)
        inputs, targets = (tuple(part.to(device) for part in parts) for parts in (self.inputs, self.targets))
        return Batch(inputs, targets, self.rows, weights)


@final
@dataclass(frozen=True, eq=False)
class Batches:
    """n examples that are loaded a batch at a time.

    Args:
        load: (b,) row numbers and the number of the epoch -> batch; the same for the same arguments.
        n: number of examples.
        size: examples of a batch. A last batch of one joins the one before, because batch norm cannot take it.
        lengths: (n,) lengths; batches then hold examples of similar length, in a random order of batches.
        random_state: seed of the order.
        groups: (n,) numbers; examples of unlike groups never share a batch.
        run: neighbours that stay together in the order, for stores that are read faster in sequence.
    """

    load: Callable[[Rows, int], Batch]
    n: int
    size: int
    lengths: NDArray[np.int64] | None = None
    random_state: int = 0
    groups: NDArray[np.int64] | None = None
    run: int = 1

    def epoch(self, number: int) -> list[Rows]:
        """The rows of each batch of an epoch; each row once."""
        draw = np.random.default_rng([self.random_state, number])
        order = self._order(draw)
        if self.groups is not None:
            parts = [self._cut(order[self.groups[order] == group]) for group in np.unique(self.groups)]
            batches = [rows for part in parts for rows in part]
            return [batches[place] for place in draw.permutation(len(batches))]
        if self.lengths is None:
            return self._cut(order)
        pool = POOL_BATCHES * self.size
        pools = [order[start : start + pool] for start in range(0, self.n, pool)]
        order = np.concatenate([part[np.argsort(self.lengths[part], kind="stable")] for part in pools])
        batches = self._cut(order)
        return [batches[place] for place in draw.permutation(len(batches))]

    def in_order(self) -> Iterator[Batch]:
        """All examples once, as they stand, epoch 0."""
        rows = np.arange(self.n)
        changes = np.flatnonzero(np.diff(rows * 0 if self.groups is None else self.groups)) + 1
        for part in np.split(rows, changes):
            for cut in self._cut(part):
                yield self.load(cut, 0)

    def _order(self, draw: np.random.Generator) -> Rows:
        if self.run == 1:
            return draw.permutation(self.n)
        starts = self.run * draw.permutation(-(-self.n // self.run))
        order = (starts[:, None] + np.arange(self.run)).ravel()
        return order[order < self.n]

    def _cut(self, order: Rows) -> list[Rows]:
        ends = list(range(self.size, len(order), self.size))
        if ends and len(order) - ends[-1] == 1:
            ends.pop()
        return np.split(order, ends)


def tensor_batches(
    inputs: tuple[Tensor, ...],
    targets: tuple[Tensor, ...],
    *,
    size: int,
    weights: Tensor | None = None,
    random_state: int = 0,
) -> Batches:
    """Batches of tensors in memory, n examples each."""

    def load(rows: Rows, epoch: int) -> Batch:
        places = torch.from_numpy(rows)
        taken, wanted = (tuple(part[places] for part in parts) for parts in (inputs, targets))
        return Batch(taken, wanted, rows, None if weights is None else weights[places])

    return Batches(load, len(inputs[0]), size, random_state=random_state)
