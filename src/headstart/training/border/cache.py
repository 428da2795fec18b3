"""The border cache: what the frozen lower part of a module gives, computed once for each example and view."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.features.cache import FeatureCache
from headstart.features.cache_key import JSON, canonical_json
from headstart.features.cache_size import parse_size
from headstart.features.cache_space import FeatureSpace
from headstart.features.shard import RECORD
from headstart.training.batches import Batch, Batches, Rows
from headstart.training.border.fingerprint import fingerprint
from headstart.training.border.inputs import BorderInputs
from headstart.training.border.layout import Layout, layout_of
from headstart.training.border.part import spread
from headstart.training.border.plan import BorderPlan, check_room
from headstart.training.border.replay import evaluating
from headstart.training.forward import device_of
from headstart.types import Progress, silent

RUN = 8
"""Neighbours that are read together where the activations do not fit into memory."""

_SAMPLE = 8
_WORD_BYTES = 4


@final
class BorderCache:
    """Activations at a border, in the folder of the feature cache: append-only, checksummed, memory-mapped.

    Their key is all that decides them: the weights and the structure of the lower part, block, inputs, view, precision
    and shape. Killed at any moment, what was computed is there.

    Args:
        lower: the lower part; none of its parameters may move. It is run in evaluation mode.
        inputs: the examples.
        block: name of the block at the border.
        precision: "float16", "bfloat16" or "float32".
        cache: where; default: the user's feature cache.
        max_bytes: most that may be written, bytes or text like "5GB"; default: the cache's own cap.
        batch_size: examples that go through the lower part at once.

    Raises:
        InputError: a parameter of the lower part may move.
        UnknownNameError: there is no such precision.
    """

    def __init__(
        self,
        lower: nn.Module,
        inputs: BorderInputs,
        *,
        block: str,
        precision: str = "float16",
        cache: FeatureCache | None = None,
        max_bytes: int | str | None = None,
        batch_size: int = 32,
    ) -> None:
        moving = [name for name, parameter in lower.named_parameters() if parameter.requires_grad]
        if moving:
            raise InputError(
                f"The border cache needs a frozen lower part, got {len(moving)} parameters that may move, the first "
                f"{moving[0]!r}. Freeze them, or cut below."
            )
        self.lower, self.inputs, self.block, self.precision = lower, inputs, block, precision
        self.cache = cache or FeatureCache()
        self.max_bytes = self.cache.max_bytes if max_bytes is None else parse_size(max_bytes, who="max_bytes")
        self.batch_size = batch_size
        self._spaces: dict[tuple[int, int], FeatureSpace] = {}

    def plan(self, views: Sequence[int] = (0,), *, rows: Rows | None = None) -> BorderPlan:
        """What is needed on disk, before anything is computed but a few examples of each shape.

        Args:
            views: numbers of the views; 0 is the plain one.
            rows: row numbers; default: all.
        """
        total = new = 0
        for group, members in self._by_group(rows):
            each = _WORD_BYTES * self._layouts[group].words + RECORD.size
            distinct = list({self.inputs.digests[row]: row for row in members}.values())
            for view in self._distinct(views):
                total += each * len(distinct)
                new += each * len(self._absent(group, view, distinct))
        n = len({self.inputs.digests[row] for row in self._chosen(rows)})
        return BorderPlan(n, len(self._distinct(views)), total, new, self.precision, self._deviation)

    def fill(self, views: Sequence[int] = (0,), *, rows: Rows | None = None, progress: Progress = silent) -> int:
        """Compute what is lacking.

        Args:
            views: as in :meth:`plan`.
            rows: as in :meth:`plan`.
            progress: told of rows done.

        Returns:
            How many rows were computed.

        Raises:
            InputError: there is no room for it.
        """
        check_room(self.plan(views, rows=rows), self.block, root=self.cache.root, max_bytes=self.max_bytes)
        lacking = [
            (group, view, absent)
            for view in self._distinct(views)
            for group, members in self._by_group(rows)
            if (absent := self._absent(group, view, members))
        ]
        n, done = sum(len(absent) for _, _, absent in lacking), 0
        for group, view, absent in lacking:
            space = self._space(group, view)
            for part, packed in self._computed(group, view, absent):
                space.put([self.inputs.digests[row] for row in part], packed)
                done += len(part)
                progress(f"activations at {self.block}", done, n)
            space.close()
        return n

    def batches(
        self,
        targets: tuple[Tensor, ...],
        *,
        size: int,
        views: Sequence[int] = (0,),
        rows: Rows | None = None,
        weights: Tensor | None = None,
        random_state: int = 0,
    ) -> Batches:
        """Batches for the upper part; what the cache lacks is computed on the way.

        Args:
            targets: what the loss takes behind the outputs, each (n, ...) for the n ``rows``.
            size: examples of a batch; those of unlike shapes share none.
            views: epoch e takes view ``views[e % len(views)]``.
            rows: row numbers; default: all.
            weights: (n,) weights of the losses.
            random_state: seed of the order.
        """
        chosen = self._chosen(rows)
        groups = self._groups[chosen]

        def load(places: Rows, epoch: int) -> Batch:
            inputs = self.read(chosen[places], views[epoch % len(views)])
            wanted = tuple(part[torch.from_numpy(places)] for part in targets)
            return Batch(inputs, wanted, places, None if weights is None else weights[torch.from_numpy(places)])

        one_shape = len(self._layouts) == 1
        run = RUN if self._all_bytes(chosen, len(views)) > _memory_bytes() // 2 else 1
        return Batches(
            load, len(chosen), size, random_state=random_state, groups=None if one_shape else groups, run=run
        )

    def read(self, rows: Rows, view: int) -> tuple[Tensor, ...]:
        """What the upper part takes, for (b,) rows of one shape."""
        group = int(self._groups[rows[0]])
        space, digests = self._space(group, view), [self.inputs.digests[row] for row in rows]
        found, present = space.get(digests)
        if not present.all():  # never computed, pruned or damaged
            absent = np.flatnonzero(~present)
            for part, packed in self._computed(group, view, [int(rows[place]) for place in absent]):
                space.put([self.inputs.digests[row] for row in part], packed)
                found[np.isin(rows, part)] = packed[[part.index(row) for row in rows[np.isin(rows, part)].tolist()]]
        return self._layouts[group].unpack(found)

    def together(self, rows: Rows | None = None) -> Iterator[Rows]:
        """Row numbers that :meth:`read` takes at once: all rows, some of one shape at a time."""
        for _, members in self._by_group(rows):
            for begin in range(0, len(members), self.batch_size):
                yield np.array(members[begin : begin + self.batch_size])

    # Shapes

    @cached_property
    def _shaped(self) -> tuple[NDArray[np.int64], list[Layout], float]:
        """The group of each row, the layout of each group, and the deviation of the numbers kept."""
        groups, seen = np.zeros(len(self.inputs), dtype=np.int64), dict[tuple[torch.Size, ...], int]()
        layouts: list[Layout] = []
        deviation = 0.0
        if self.inputs.lengths is None:
            first = np.arange(min(_SAMPLE, len(self.inputs)))
            activations = self._run(self.inputs.load(first, 0))
            layout = layout_of(activations, len(first), self.precision)
            return groups, [layout], layout.deviation(activations)
        for row in range(len(self.inputs)):
            inputs = self.inputs.load(np.array([row]), 0)
            shape = tuple(part.shape for part in inputs)
            if shape not in seen:
                seen[shape] = len(layouts)
                activations = self._run(inputs)
                layouts.append(layout_of(activations, 1, self.precision))
                deviation = max(deviation, layouts[-1].deviation(activations))
            groups[row] = seen[shape]
        return groups, layouts, deviation

    @property
    def _groups(self) -> NDArray[np.int64]:
        return self._shaped[0]

    @property
    def _layouts(self) -> list[Layout]:
        return self._shaped[1]

    @property
    def _deviation(self) -> float:
        return self._shaped[2]

    def _chosen(self, rows: Rows | None) -> Rows:
        return np.arange(len(self.inputs)) if rows is None else np.asarray(rows)

    def _distinct(self, views: Sequence[int]) -> list[int]:
        """One view of those that are alike, such as every second mirrored one."""
        return list({canonical_json(self.inputs.view_key(view)): view for view in views}.values())

    def _by_group(self, rows: Rows | None) -> Iterator[tuple[int, list[int]]]:
        chosen = self._chosen(rows)
        for group in np.unique(self._groups[chosen]).tolist():
            yield group, chosen[self._groups[chosen] == group].tolist()

    # Computing

    def _absent(self, group: int, view: int, rows: Sequence[int]) -> list[int]:
        """The rows that the cache lacks, alike ones once."""
        digests = [self.inputs.digests[row] for row in rows]
        lacking = {digests[place]: rows[place] for place in self._space(group, view).missing(digests)}
        return list(lacking.values())

    def _computed(self, group: int, view: int, rows: Sequence[int]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Rows and what they are in the cache, some at a time; the next ones are read meanwhile."""
        parts = [list(rows[begin : begin + self.batch_size]) for begin in range(0, len(rows), self.batch_size)]
        with ThreadPoolExecutor(1, thread_name_prefix="headstart-border") as pool:
            coming = [pool.submit(self.inputs.load, np.array(part), view) for part in parts[:1]]
            for number, part in enumerate(parts):
                inputs = coming.pop().result()
                coming += [pool.submit(self.inputs.load, np.array(one), view) for one in parts[number + 1 : number + 2]]
                yield part, self._layouts[group].pack(self._run(inputs))

    def _run(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        device = device_of(self.lower)
        with evaluating(self.lower), torch.inference_mode():
            return spread((self.lower(*(part.to(device) for part in inputs)),))

    # The cache

    def _space(self, group: int, view: int) -> FeatureSpace:
        if (group, view) not in self._spaces:
            layout = self._layouts[group]
            key: dict[str, JSON] = {
                "border": self.block,
                "lower": self._lower_id,
                "inputs": self.inputs.key,
                "view": self.inputs.view_key(view),
                "precision": self.precision,
                "layout": layout.key,
                "runtime": f"torch-{torch.__version__}",
            }
            self._spaces[group, view] = self.cache.space(key, layout.words)
        return self._spaces[group, view]

    @cached_property
    def _lower_id(self) -> str:
        return fingerprint(self.lower)

    def _all_bytes(self, rows: Rows, n_views: int) -> int:
        words = np.array([layout.words for layout in self._layouts])
        return int(_WORD_BYTES * n_views * words[self._groups[rows]].sum())


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
