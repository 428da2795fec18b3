"""The outputs of some parts of a module while examples pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

Maps = dict[str, Tensor]
"""Name of a layer -> (b, channels, ...) or (b, tokens, channels)."""


@contextmanager
def maps_of(
    module: nn.Module, places: Mapping[str, str], *, change: Callable[[Tensor], Tensor] | None = None
) -> Iterator[Maps]:
    """A dict that the maps come into, in the order in which they are made; outputs that are no map stay away.

    Args:
        module: what examples pass through.
        places: name -> dotted place of the part in it.
        change: what is put in a map's place and passed on; what comes into the dict is up to it.
    """
    maps: Maps = {}
    hooks = [
        module.get_submodule(place).register_forward_hook(_keep(maps, name, change)) for name, place in places.items()
    ]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def _keep(maps: Maps, name: str, change: Callable[[Tensor], Tensor] | None) -> Callable[[Any, Any, Any], Any]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        if not isinstance(first, Tensor) or first.ndim < 3 or not first.is_floating_point():
            return None
        if change is None:
            maps[name] = first
            return None
        maps[name] = first if first.requires_grad else first.detach().requires_grad_()
        changed = change(maps[name])
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    return hook


def by_channel(values: Tensor) -> Tensor:
    """(b, channels) means over the positions of a map; tokens have their channels last, pictures behind the batch."""
    if values.ndim == 3:
        return values.mean(dim=1)
    return values.flatten(2).mean(dim=2)
