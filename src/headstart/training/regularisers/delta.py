"""DELTA: the feature maps stay where they were, those the more that the task needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.batches import Batch, Batches
from headstart.training.forward import device_of
from headstart.training.penalty import Penalty, batch_mean
from headstart.training.regularisers._channel_attention import channel_attention, even_attention
from headstart.training.regularisers._feature_maps import Maps, by_channel, maps_of
from headstart.training.regularisers._pretrained_self import frozen_copy, trunk_of

ATTENTIONS = ("gradient", "even")


@final
class DELTA(Penalty):
    """``alpha`` times ``sum_j a_j mean (m_j - m0_j)^2 / mean m0^2`` of some layers, and ``beta / 2 * |head|^2``.

    ``m_j`` is channel j of the layer's feature map, ``m0`` that of the pretrained network for the same input, and the
    attention ``a`` (sum 1) is larger for channels without which the pretrained features would tell the targets worse.
    The paper leaves the maps' size in; here it is divided out, so that ``alpha`` means the same for every backbone.

    Args:
        alpha: pull of the maps to the pretrained ones, at least 0.
        beta: pull of the head to 0, at least 0.
        attention: "gradient" (see ``channel_attention``) or "even".
        layers: names of blocks; None takes the last four that give maps, (b, channels, ...) or (b, tokens, channels).

    Raises:
        InputError: a setting makes no sense.

    Source: Li, Xiong, Wang, Rao, Liu, Chen and Huan, DELTA: deep learning transfer using feature map with attention,
    ICLR 2019.
    """

    name: ClassVar[str] = "delta"
    knows_examples: ClassVar[bool] = True

    def __init__(
        self,
        *,
        alpha: float = 0.1,
        beta: float = 0.01,
        attention: str = "gradient",
        layers: tuple[str, ...] | None = None,
    ) -> None:
        if not (alpha >= 0 and beta >= 0) or attention not in ATTENTIONS:
            what = f"delta needs alpha and beta of at least 0 and an attention of {', '.join(ATTENTIONS)}"
            raise InputError(f"{what}, got {alpha!r}, {beta!r} and {attention!r}. Correct them.")
        self.alpha = alpha
        self.beta = beta
        self.attention = attention
        self.layers = layers
        self._copy: nn.Module | None = None
        self._places: dict[str, str] = {}
        self._attention: dict[str, Tensor] = {}
        self._scale: dict[str, float] = {}
        self._seen: Maps = {}

    def begin(self, network: nn.Module, blocks: Mapping[str, nn.Module], batches: Batches) -> None:
        """Copy the trunk, choose the layers and weigh their channels.

        Raises:
            InputError: a layer is unknown or gives no map.
        """
        trunk = trunk_of("delta", network)
        self._copy = frozen_copy(trunk)
        first = next(batches.in_order()).to(device_of(trunk))
        self._places = self._chosen(trunk, blocks, first)
        with torch.no_grad(), maps_of(self._copy, self._places) as maps:
            self._copy(*first.inputs)
        self._scale = {name: max(float(m.float().square().mean()), 1e-12) for name, m in maps.items()}
        if self.attention == "even":
            self._attention = even_attention(maps)
        else:
            self._attention = channel_attention(self._copy, self._places, batches)

    def _chosen(self, trunk: nn.Module, blocks: Mapping[str, nn.Module], first: Batch) -> dict[str, str]:
        """Name of a block -> its place in the trunk, for those that are asked for and give a map."""
        path = {id(part): place for place, part in trunk.named_modules()}
        places = {name: path[id(block)] for name, block in blocks.items() if id(block) in path}
        unknown = sorted(set(self.layers or ()) - set(places))
        if unknown:
            raise InputError(f"delta needs layers out of {list(places)}, got {unknown}. Correct the names.")
        if self._copy is None:
            raise InputError("delta needs a copy of the trunk, got none. Call begin before training.")
        with torch.no_grad(), maps_of(self._copy, places) as maps:
            self._copy(*first.inputs)
        found = [name for name in places if name in maps and name in (self.layers or places)]
        if not found or (self.layers and len(found) < len(self.layers)):
            raise InputError(f"delta needs blocks that give maps, got {found} of {list(self.layers or places)}.")
        return {name: places[name] for name in (found if self.layers else found[-4:])}

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[Any]:
        """Keep the maps of the batch that passes."""
        with maps_of(trunk_of("delta", network), self._places) as self._seen:
            yield

    def penalty(self, network: nn.Module, batch: Batch, features: Tensor, scores: Tensor) -> Tensor:
        """A scalar."""
        if self._copy is None:
            raise InputError("delta needs the pretrained network, got none. Call begin before training.")
        with torch.no_grad(), maps_of(self._copy, self._places) as before:
            self._copy(*batch.inputs)
        now, self._seen = self._seen, {}
        total = total_of_head = scores.new_zeros(())
        for name, old in before.items():
            change = by_channel((now[name].to(scores.dtype) - old.to(scores.dtype)).square())  # (b, channels)
            attention = self._attention[name].to(change)
            total = total + batch_mean(change @ attention, batch) / self._scale[name]
        for name, p in network.named_parameters():
            if name.startswith("head.") and p.requires_grad:
                total_of_head = total_of_head + p.square().sum()
        return self.alpha * total + self.beta / 2 * total_of_head
