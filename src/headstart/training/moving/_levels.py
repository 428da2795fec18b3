"""The levels of a trunk, stem first: what counts as one step in depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import nn

from headstart.errors import InputError

_FOLLOWERS = frozenset({"pooler"})
"""Names of parts that count with the block before them. Transformers' pooler is not even read by a mean over tokens."""


@final
@dataclass(frozen=True, eq=False)
class Level:
    """A block, with the norms that follow it.

    Args:
        names: of its blocks; the first one is what it is called.
        parameters: of its blocks; level 0 has those of no block too, such as positions and class tokens.
    """

    names: tuple[str, ...]
    parameters: tuple[nn.Parameter, ...]


def levels_of(trunk: nn.Module, blocks: Mapping[str, nn.Module]) -> tuple[Level, ...]:
    """Every parameter of the trunk in exactly one level. A parameter that two blocks share counts in the lower one.

    A block of nothing but norms, or without parameters, is no level of its own: it counts with the block before, so
    that "the last block" is one that can learn.

    Raises:
        InputError: the blocks are not those of the trunk.
    """
    loose = {id(parameter): parameter for parameter in trunk.parameters()}
    found: list[tuple[list[str], list[nn.Parameter]]] = []
    for name, block in blocks.items():
        own = [loose.pop(id(p)) for p in block.parameters() if id(p) in loose]
        if not own and any(True for _ in block.parameters()) and not _lies_in(block, trunk):
            raise InputError(f"Fine-tuning needs blocks of the trunk, got {name!r} of another module. Open both anew.")
        if found and (_is_norm(block) or name.rpartition(".")[2] in _FOLLOWERS):
            found[-1][0].append(name)
            found[-1][1].extend(own)
        else:
            found.append(([name], own))
    if not found:
        found.append((["stem"], []))
    found[0][1].extend(loose.values())
    return tuple(Level(tuple(names), tuple(parameters)) for names, parameters in found)


def last_levels(trunk: nn.Module, blocks: Mapping[str, nn.Module], k: int | None, who: str) -> tuple[Level, ...]:
    """The k last levels, or all for None.

    Raises:
        InputError: there are not as many.
    """
    levels = levels_of(trunk, blocks)
    if k is not None and not 1 <= k <= len(levels):
        raise InputError(f"{who} needs k in 1..{len(levels)} for this backbone, got {k!r}. Choose another k.")
    return levels if k is None else levels[-k:]


def is_norm_layer(module: nn.Module) -> bool:
    """True for a layer that normalises and has a scale or a shift, of torch or of anyone else."""
    own = list(module.parameters(recurse=False))
    is_called_so = "norm" in type(module).__name__.lower()
    return bool(own) and is_called_so and all(p.numel() == max(p.shape, default=1) for p in own)


def _is_norm(block: nn.Module) -> bool:
    of_norms = {id(p) for m in block.modules() if is_norm_layer(m) for p in m.parameters(recurse=False)}
    return all(id(parameter) in of_norms for parameter in block.parameters())


def _lies_in(block: nn.Module, trunk: nn.Module) -> bool:
    return any(module is block for module in trunk.modules())
