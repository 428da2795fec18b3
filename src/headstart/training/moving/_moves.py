"""What it takes to train a network of which a part moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import final

from torch import nn

from headstart.errors import InputError
from headstart.training.batch_norm import FrozenParts
from headstart.training.callback import Callback
from headstart.training.optimizer import RateOf


def one_rate(name: str) -> float:
    """The same rate for all."""
    return 1.0


def no_merge() -> None:
    """There is nothing to merge."""


@final
@dataclass(frozen=True, eq=False)
class Moves:
    """What :func:`~headstart.training.loop.train` and whoever saves the network must know.

    Args:
        rate_of: name of a parameter of the network -> factor of its learning rate.
        callbacks: for the loop, in this order and before others. They keep what is frozen as it is.
        first_moving_block: the lowest block in which a weight ever moves, so that all below may come from a cache;
            None where the head alone moves.
        merge: folds adapters into the plain weights, after which the network has the structure, and the names in its
            state, of before ``apply``. Called again it does nothing.
    """

    rate_of: RateOf
    callbacks: tuple[Callback, ...]
    first_moving_block: str | None
    merge: Callable[[], None] = no_merge


def parts_of(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Trunk and head.

    Raises:
        InputError: it has no such parts.
    """
    trunk, head = getattr(network, "trunk", None), getattr(network, "head", None)
    if not isinstance(trunk, nn.Module) or not isinstance(head, nn.Module):
        raise InputError(
            f"Fine-tuning needs a network with the modules .trunk and .head, got {type(network).__name__}. Wrap it."
        )
    return trunk, head


def moves(
    network: nn.Module,
    blocks: Mapping[str, nn.Module],
    parameters: Iterable[nn.Parameter],
    *,
    rate_of: RateOf = one_rate,
    callbacks: tuple[Callback, ...] = (),
    merge: Callable[[], None] = no_merge,
) -> Moves:
    """Let the head and ``parameters`` of the trunk move, and nothing else.

    Args:
        network: with ``trunk`` and ``head``.
        blocks: of the trunk, stem first.
        parameters: of the trunk.
        rate_of: as in :class:`Moves`.
        callbacks: are told before the one that freezes.
        merge: as in :class:`Moves`.
    """
    trunk, head = parts_of(network)
    chosen = {id(parameter) for parameter in parameters}
    for parameter in trunk.parameters():
        parameter.requires_grad_(id(parameter) in chosen)
    for parameter in head.parameters():
        parameter.requires_grad_(True)
    return Moves(rate_of, (*callbacks, FrozenParts(trunk, blocks)), _first_moving(trunk, blocks), merge)


def trainable(parameter: nn.Parameter) -> bool:
    """True for numbers that can have a gradient."""
    return parameter.is_floating_point() or parameter.is_complex()


def named_layer_parameters(trunk: nn.Module) -> Iterable[tuple[nn.Module, str, nn.Parameter]]:
    """Each parameter with the layer it stands in and its name there."""
    for module in trunk.modules():
        for name, parameter in module.named_parameters(recurse=False):
            yield module, name, parameter


def _first_moving(trunk: nn.Module, blocks: Mapping[str, nn.Module]) -> str | None:
    """What belongs to no block moves with the stem, the first block."""
    in_blocks = {id(p) for block in blocks.values() for p in block.parameters()}
    if any(p.requires_grad and id(p) not in in_blocks for p in trunk.parameters()):
        return next(iter(blocks), "stem")
    return next((name for name, block in blocks.items() if any(p.requires_grad for p in block.parameters())), None)
