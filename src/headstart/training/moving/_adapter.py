"""Changes of a layer's weight that are learnt beside it, and can be folded into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.moving._moves import trainable

_FORWARDS = {kind.forward for kind in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)}
"""Ways through a layer to which a second way can be added; any other one reads the changed weight."""

_PACKED = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""Weights that torch's attention holds itself."""


class Adapter(nn.Module):
    """A change of one weight; zero at the start."""

    def change(self) -> Tensor:
        """The change, of the weight's shape."""
        raise NotImplementedError

    def through(self, layer: Any, x: Tensor) -> Tensor | None:
        """What the change adds to the output of ``layer``, without being made dense; None: there is no such way."""
        return None


@final
class Adapted:
    """Layers with adapters on their weights.

    A layer keeps its place, its class (by derivation) and the names of its state, to which ``adapters.*`` is added. Its
    weight, read from outside, is the changed one, so that fused paths, such as torch's attention in evaluation, see the
    change too; called, a plain layer goes the cheaper way beside the weight.

    Args:
        layers: each with the adapters of its weights, by the weight's name.
    """

    def __init__(self, layers: list[tuple[nn.Module, Mapping[str, Adapter]]]) -> None:
        self.layers = [layer for layer, _ in layers]
        self.parameters = [p for _, adapters in layers for a in adapters.values() for p in a.parameters()]
        for layer, adapters in layers:
            layer.adapters = nn.ModuleDict(dict(adapters))
            kind: Any = type(layer)
            layer.__class__ = _adapted(kind, tuple(adapters))

    @torch.no_grad()
    def merge(self) -> None:
        """Fold the changes into the weights; the layers are as before."""
        for layer in self.layers:
            for name, adapter in layer.adapters.items():  # type: ignore[union-attr, operator]
                weight = layer._parameters[name]
                assert weight is not None
                weight.add_(adapter.change())
            del layer.adapters
            layer.__class__ = type(layer).plain  # type: ignore[attr-defined]
        self.layers = []


def adaptable(trunk: nn.Module, among: Collection[nn.Parameter]) -> Iterator[tuple[nn.Module, str, nn.Parameter]]:
    """Layers of a trunk with the name of a weight and the weight: linear, convolutions, torch's packed attention.

    Args:
        trunk: to be adapted.
        among: the weights that may be. One that two layers share is left out.

    Raises:
        InputError: the trunk has adapters already.
    """
    wanted = {id(parameter) for parameter in among}
    n_uses = Counter(id(p) for module in trunk.modules() for p in module._parameters.values() if p is not None)
    for layer in list(trunk.modules()):
        if hasattr(type(layer), "plain") and hasattr(layer, "adapters"):
            raise InputError("Adapters need plain weights, got layers with adapters. Merge those first.")
        for name in _names(layer):
            weight = layer._parameters.get(name)
            if weight is not None and id(weight) in wanted and n_uses[id(weight)] == 1 and trainable(weight):
                yield layer, name, weight


def _names(layer: nn.Module) -> tuple[str, ...]:
    if isinstance(layer, nn.MultiheadAttention):
        return _PACKED
    return ("weight",) if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)) else ()


@cache
def _adapted(kind: Any, names: tuple[str, ...]) -> type[nn.Module]:
    """``kind`` with changed weights."""
    members: dict[str, Any] = {name: _changed(name) for name in names}
    members |= {"plain": kind, "__doc__": kind.__doc__}
    if kind.forward in _FORWARDS:
        members["forward"] = _forward
    return type(f"Adapted{kind.__name__}", (kind,), members)


def _changed(name: str) -> property:
    def weight(layer: Any) -> Tensor:
        changed: Tensor = layer._parameters[name] + layer.adapters[name].change()
        return changed

    return property(weight)


def _forward(layer: Any, x: Tensor) -> Tensor:
    added = layer.adapters["weight"].through(layer, x)
    weight = layer.weight if added is None else layer._parameters["weight"]
    is_linear = isinstance(layer, nn.Linear)
    found: Tensor = (
        functional.linear(x, weight, layer.bias) if is_linear else layer._conv_forward(x, weight, layer.bias)
    )
    return found if added is None else found + added
