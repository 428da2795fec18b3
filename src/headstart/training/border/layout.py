"""How the activations of one example lie in one row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.errors import InputError, UnknownNameError

PRECISIONS = ("float32", "bfloat16", "float16")
"""How numbers with a fraction are kept: 4 bytes, or 2 with 8 or 11 significant bits."""

_LARGEST_WHOLE = 2**24


@final
@dataclass(frozen=True)
class TensorLayout:
    """One tensor of the activations.

    Args:
        shape: of one example, which may have several rows of the tensor: (rows, ...).
        dtype: that it has, such as "float32".
        precision: that it is kept in; whole numbers are kept as they are.
        is_channels_last: True where channels lie side by side, (rows, channels, h, w).
    """

    shape: tuple[int, ...]
    dtype: str
    precision: str
    is_channels_last: bool

    @property
    def words(self) -> int:
        """Words of 4 bytes."""
        n = prod(self.shape)
        return n if self.precision == "float32" else -(-n // 2)

    def pack(self, tensor: Tensor) -> Tensor:
        """(b * rows, ...) -> (b, words) float32."""
        flat = (tensor.permute(0, 2, 3, 1) if self.is_channels_last else tensor).reshape(
            len(tensor) // self.shape[0], prod(self.shape)
        )
        if not tensor.dtype.is_floating_point:
            return _whole(flat)
        kept = flat.to(getattr(torch, self.precision))
        if not bool(torch.isfinite(kept).all()):
            raise InputError(
                f"The border cache needs activations that {self.precision} can hold, got {float(flat.abs().max()):.3g}."
                " Take precision='bfloat16' or 'float32', or look at the inputs."
            )
        if self.precision == "float32":
            return kept
        # Two finite halves never make up a word that is not finite.
        if kept.shape[1] % 2:
            kept = torch.nn.functional.pad(kept, (0, 1))
        return kept.contiguous().view(torch.float32)

    def unpack(self, words: Tensor) -> Tensor:
        """(b, words) float32 -> (b * rows, ...)."""
        dtype = getattr(torch, self.dtype)
        if dtype.is_floating_point and self.precision != "float32":
            words = words.contiguous().view(getattr(torch, self.precision))[:, : prod(self.shape)]
        rows, *others = self.shape
        if self.is_channels_last:
            channels, h, w = others
            return words.reshape(len(words) * rows, h, w, channels).permute(0, 3, 1, 2).to(dtype)
        return words.reshape(len(words) * rows, *others).to(dtype)


@final
@dataclass(frozen=True)
class Layout:
    """All tensors of the activations, one after the other.

    Args:
        tensors: in the order in which the upper part takes them.
    """

    tensors: tuple[TensorLayout, ...]

    @property
    def words(self) -> int:
        """Numbers of a row."""
        return sum(tensor.words for tensor in self.tensors)

    @property
    def key(self) -> list[dict[str, Any]]:
        """For the cache."""
        return [{**asdict(tensor), "shape": list(tensor.shape)} for tensor in self.tensors]

    def pack(self, activations: Sequence[Tensor]) -> NDArray[np.float32]:
        """(b, words) rows.

        Raises:
            InputError: a number is too large for the precision, or none.
        """
        parts = [layout.pack(tensor.cpu()) for layout, tensor in zip(self.tensors, activations, strict=True)]
        rows: NDArray[np.float32] = torch.cat(parts, dim=1).numpy()
        return rows

    def unpack(self, rows: NDArray[np.float32]) -> tuple[Tensor, ...]:
        """The activations of (b, words) rows."""
        parts = torch.split(torch.from_numpy(rows), [tensor.words for tensor in self.tensors], dim=1)
        return tuple(layout.unpack(part) for layout, part in zip(self.tensors, parts, strict=True))

    def deviation(self, activations: Sequence[Tensor]) -> float:
        """By how much what is read back differs, relative to the size of the activations."""
        again = self.unpack(self.pack(activations))
        off = [float((a.double() - b.cpu().double()).norm()) for a, b in zip(again, activations, strict=True)]
        size = [float(b.double().norm()) for b in activations]
        return max((o / s for o, s in zip(off, size, strict=True) if s), default=0.0)


def layout_of(activations: Sequence[Tensor], n: int, precision: str) -> Layout:
    """The layout of what the lower part gives for ``n`` examples of one shape.

    Raises:
        InputError: it does not come example by example.
        UnknownNameError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise UnknownNameError("Border cache precision", precision, PRECISIONS)
    found = []
    for tensor in activations:
        if tensor.ndim < 1 or len(tensor) % n or len(tensor) == 0:
            raise InputError(
                f"The border cache needs activations example by example, got shape {tuple(tensor.shape)} for {n}. "
                "Train the whole module."
            )
        is_last = tensor.ndim == 4 and not tensor.is_contiguous() and _is_channels_last(tensor)
        kept = precision if tensor.dtype.is_floating_point else "float32"
        shape = (len(tensor) // n, *tensor.shape[1:])
        found.append(TensorLayout(shape, str(tensor.dtype).removeprefix("torch."), kept, is_last))
    return Layout(tuple(found))


def _is_channels_last(tensor: Tensor) -> bool:
    return tensor.is_contiguous(memory_format=torch.channels_last)


def _whole(flat: Tensor) -> Tensor:
    if flat.numel() and int(flat.abs().max() if flat.dtype != torch.bool else 1) > _LARGEST_WHOLE:
        raise InputError(
            f"The border cache needs whole numbers up to {_LARGEST_WHOLE}, got {int(flat.abs().max())}. "
            "Train the whole module."
        )
    return flat.float()
