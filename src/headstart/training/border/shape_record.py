"""The shapes of what lies below a border: they go over it as numbers, and zeros of these shapes stand in."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

Gave = Mapping[str, Sequence[Any]]
"""Name of a module -> what its calls gave, one by one."""


@final
@dataclass(frozen=True, eq=False)
class ShapeRecord:
    """What the modules below a border give, and which inputs go over it.

    Args:
        gave: name of a module below -> what it gave for the sample, tensors as empty ones of the same type.
        grows: for every tensor there, in order: True where its first axis grows with the number of examples.
        enters: for every tensor there: True where it is the very one that enters the border block.
        own: names of parameters around the block on which what enters it hangs.
        n_calls: times that the block is called.
        inputs: the inputs of the sample, as empty ones.
        kept: for each input: True where it goes over the border, False where its shape alone does.
    """

    gave: Gave
    grows: tuple[bool, ...]
    enters: tuple[bool, ...]
    own: tuple[str, ...]
    n_calls: int
    inputs: tuple[Tensor, ...]
    kept: tuple[bool, ...]

    def without_input(self, number: int) -> ShapeRecord:
        """The same with only the shape of an input."""
        return replace(self, kept=tuple(kept and at != number for at, kept in enumerate(self.kept)))

    def kept_of(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The inputs that go over the border."""
        return [given for given, is_kept in zip(inputs, self.kept, strict=True) if is_kept]

    def shapes(self, inputs: Sequence[Tensor], gave: Gave) -> Tensor:
        """(b, k) int64: all shapes one after the other, the same for each example."""
        b, numbers = len(inputs[0]), list[int]()
        for number, given in enumerate(inputs):
            if not self.kept[number]:
                numbers += given.shape[1:]
        for tensor, grows in zip(tensors_in(list(gave.values())), self.grows, strict=True):
            first, *others = tensor.shape or (1,)
            numbers += (first // b if grows else first, *others)
        return torch.tensor(numbers, dtype=torch.int64).expand(b, -1)

    def made_again(
        self, stored: Tensor, shapes: Tensor, kept: Sequence[Tensor]
    ) -> tuple[list[Tensor], dict[str, list[Any]]]:
        """The inputs and what the modules below gave: zeros where nothing else came over the border."""
        b, numbers, coming = len(shapes), iter(shapes[0].tolist()), iter(kept)
        inputs = []
        for empty, is_kept in zip(self.inputs, self.kept, strict=True):
            inputs.append(next(coming) if is_kept else _zeros(empty, [b, *_taken(numbers, empty.ndim - 1)], shapes))
        facts = iter(zip(self.grows, self.enters, strict=True))

        def fill(empty: Tensor) -> Tensor:
            grows, enters = next(facts)
            first, *others = _taken(numbers, max(empty.ndim, 1))
            sizes = [first * b if grows else first, *others]
            return stored if enters else _zeros(empty, sizes[: empty.ndim], shapes)

        return inputs, {path: [_mapped(value, fill) for value in values] for path, values in self.gave.items()}


def record_shapes(
    sample: Sequence[Tensor], entering: Tensor, gave: Gave, gave_first: Gave, *, own: tuple[str, ...], n_calls: int
) -> ShapeRecord:
    """The record of a sample.

    Args:
        sample: the inputs.
        entering: what enters the border block for them.
        gave: what was given for them.
        gave_first: what was given for the first example alone.
        own: names of parameters around the block on which ``entering`` hangs.
        n_calls: times that the block is called.
    """
    whole = list(tensors_in(list(gave.values())))
    grows = tuple(growing(sample, list(gave.values()), list(gave_first.values())))
    empty = {path: [_mapped(value, _emptied) for value in values] for path, values in gave.items()}
    enters, inputs = tuple(tensor is entering for tensor in whole), tuple(_emptied(part) for part in sample)
    return ShapeRecord(empty, grows, enters, own, n_calls, inputs, tuple(True for _ in sample))


def growing(sample: Sequence[Tensor], gave: Any, gave_first: Any) -> Iterator[bool]:
    """For each tensor: True where its first axis grows with the number of examples."""
    ratio = len(sample[0])
    for whole, first in zip(tensors_in(gave), tensors_in(gave_first), strict=True):
        yield whole.ndim > 0 and first.ndim > 0 and ratio > 1 and len(whole) == ratio * len(first)


def tensors_in(found: Any) -> Iterator[Tensor]:
    """All tensors in a structure of dictionaries and sequences, in order."""
    if isinstance(found, Tensor):
        yield found
    elif isinstance(found, (dict, tuple, list)):
        for value in found.values() if isinstance(found, dict) else found:
            yield from tensors_in(value)


def _mapped(found: Any, change: Any) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(found, Tensor):
        return change(found)
    if isinstance(found, dict):
        made = copy.copy(found)
        for key, value in found.items():
            made[key] = _mapped(value, change)
        return made
    if isinstance(found, (tuple, list)):
        values = [_mapped(value, change) for value in found]
        return type(found)(*values) if hasattr(found, "_fields") else type(found)(values)
    return found


def _emptied(tensor: Tensor) -> Tensor:
    return tensor.new_empty([0] * tensor.ndim) if tensor.ndim else torch.zeros((), dtype=tensor.dtype)


def _taken(numbers: Iterator[int], n: int) -> list[int]:
    return [next(numbers) for _ in range(n)]


def _zeros(empty: Tensor, sizes: Sequence[int], beside: Tensor) -> Tensor:
    return torch.zeros(tuple(sizes), dtype=empty.dtype, device=beside.device)
