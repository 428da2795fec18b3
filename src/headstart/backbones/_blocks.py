"""The blocks of a module, stem first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_TRUNKS = frozenset({"blocks", "stages", "layers", "features", "levels", "encoder", "layer"})
"""Names by which timm, torchvision and Transformers call a list of blocks, or what holds it."""
_STEMS = frozenset({"embeddings"})
"""Names of stems that stay whole, however many words they know."""


def ordered_blocks(module: nn.Module) -> dict[str, nn.Module]:
    """Submodules with parameters, in the order they are registered: the forward order in timm and torchvision.

    A part that is called like a list of blocks, or that holds more than half of all parameters, is taken apart; one of
    a numbered row (``layer4``) is not.

    Returns:
        dotted name -> submodule; no parameter stands in two blocks.
    """
    whole = _count(module)
    return dict(_walk(module, "", whole))


def _walk(parent: nn.Module, prefix: str, whole: int) -> Iterator[tuple[str, nn.Module]]:
    for name, child in parent.named_children():
        size = _count(child)
        if size == 0:
            continue
        if _is_trunk(name, child, size, whole):
            yield from _walk(child, f"{prefix}{name}.", whole)
        else:
            yield f"{prefix}{name}", child


def _is_trunk(name: str, child: nn.Module, size: int, whole: int) -> bool:
    if name in _STEMS or name[-1:].isdigit() or not any(True for _ in child.children()) or _has_own_parameters(child):
        return False
    return name in _TRUNKS or 2 * size > whole


def _has_own_parameters(child: nn.Module) -> bool:
    return any(True for _ in child.parameters(recurse=False))


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
