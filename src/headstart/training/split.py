"""A module in two parts: what lies below a block, and the block with all that comes after it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from headstart.errors import InputError, UnknownNameError
from headstart.training.border.graph_split import MOST_INPUTS, graph_split, paths_of
from headstart.training.border.part import spread
from headstart.training.border.replay import replay_split

TOLERANCE = 1e-6
"""Largest relative difference of the two parts together from the whole."""


def split_at(
    module: nn.Module, blocks: Mapping[str, nn.Module], name: str, *, sample: Sequence[Tensor] | None = None
) -> tuple[nn.Module, nn.Module]:
    """Cut ``module`` where the block ``name`` begins: ``upper(lower(*inputs)) == module(*inputs)``.

    The lower part holds all that hangs on none of the blocks from ``name`` on. Both parts share their parameters with
    ``module``, under the same names: to train the upper part is to train the module.

    Args:
        module: takes tensors of b examples.
        blocks: name -> submodule, stem first.
        name: the lowest block of the upper part.
        sample: inputs of one shape, on which the parts are compared with the whole; one of several windows comes
            alone. Needed for a module whose graph cannot be traced (those of Transformers).

    Returns:
        ``(lower, upper)``. ``lower(*inputs)`` gives the activations (b, ...) that enter the block, or a tuple of them
        and of what else goes over the border; ``upper`` takes them one by one or as that tuple.

    Raises:
        InputError: the module cannot be cut there.
        UnknownNameError: there is no such block.
    """
    if name not in blocks:
        raise UnknownNameError("split_at block", name, blocks)
    if sample is not None and len(sample[0]) == 1:
        sample = [part.repeat(2, *[1] * (part.ndim - 1)) for part in sample]
    paths = paths_of(module, blocks)
    upper_paths = [paths[block] for block in list(blocks)[list(blocks).index(name) :] if block in paths]
    if name not in paths:
        raise _uncut(name, "a block that is not a part of it")
    reasons = []
    for cut in ("along its graph", "by running it again"):
        try:
            return _checked(cut, module, upper_paths, sample)
        except Exception as error:  # tracing meets whatever the forward of a module does
            reasons.append(f"{cut}: {' '.join(str(error).split())[:120] or type(error).__name__}")
    raise _uncut(name, f"none ({'; '.join(reasons)})")


def _checked(
    cut: str, module: nn.Module, paths: list[str], sample: Sequence[Tensor] | None
) -> tuple[nn.Module, nn.Module]:
    """The parts, which agree with the whole on the sample."""
    parts = _parts(cut, module, paths, sample)
    if sample is not None:
        _compare(module, *parts, sample)
    return parts


def _parts(
    cut: str, module: nn.Module, paths: list[str], sample: Sequence[Tensor] | None
) -> tuple[nn.Module, nn.Module]:
    if cut == "along its graph":
        return _first_to_trace(module, paths, _n_inputs(module, sample))
    if sample is None:
        raise ValueError("that takes a sample of inputs")
    return replay_split(module, paths[0], sample)


def _first_to_trace(module: nn.Module, paths: list[str], numbers: Sequence[int]) -> tuple[nn.Module, nn.Module]:
    for n_inputs in numbers[:-1]:
        try:
            return graph_split(module, paths, n_inputs=n_inputs)
        except TypeError:  # a forward further inside takes another number
            continue
    return graph_split(module, paths, n_inputs=numbers[-1])


def _n_inputs(module: nn.Module, sample: Sequence[Tensor] | None) -> Sequence[int]:
    """How many tensors the module may take."""
    if sample is not None:
        return [len(sample)]
    wanted = inspect.signature(module.forward).parameters.values()
    if any(one.kind is one.VAR_POSITIONAL for one in wanted):
        return range(1, MOST_INPUTS + 1)
    return [sum(one.default is one.empty for one in wanted if one.kind is not one.VAR_KEYWORD)]


@torch.no_grad()
def _compare(module: nn.Module, lower: nn.Module, upper: nn.Module, sample: Sequence[Tensor]) -> None:
    """Hold the parts against the whole in evaluation mode."""
    modes = [(part, part.training) for whole in (module, lower, upper) for part in whole.modules()]
    try:
        for whole in (module, lower, upper):
            whole.eval()
        crossing = spread((lower(*sample),))
        for value in crossing:
            if not isinstance(value, Tensor) or value.ndim < 1 or len(value) % len(sample[0]):
                raise ValueError("what goes over the border does not come example by example")
        wanted, got = module(*sample), upper(*crossing)
    finally:
        for part, mode in modes:
            part.training = mode
    off = float((got - wanted).norm() / wanted.norm().clamp_min(1e-30))
    if not off <= TOLERANCE:
        raise ValueError(f"the parts differ from the whole by {off:.1e}")


def _uncut(name: str, got: str) -> InputError:
    return InputError(
        f"split_at needs a place to cut before block {name!r}, got {got}. Train the whole module, or another block."
    )
