"""Random convolution kernels on time series: features for a linear head that need no training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._series_scale import checked, shape_of
from headstart.types import BackboneCard

if TYPE_CHECKING:
    import torch

    from headstart.backbones.backbone import Backbone

N_KERNELS = 1000
"""Shared out among the channels; each gives the largest response and the share of positive ones."""
LENGTHS = (7, 9, 11)
_FILE = "kernels"

_CARD = BackboneCard(
    name="random_convolutions",
    modality="series",
    dim=0,
    provider="random_convolutions",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights="learnt",
)


@dataclass(frozen=True, eq=False)
class Kernel:
    """One kernel.

    Args:
        channel: the one it looks at.
        weights: (length,) that sum to 0.
        bias: added to every response.
        dilation: steps between two weights.
        is_padded: whether it also sees beyond both ends, as zeros.
    """

    channel: int
    weights: NDArray[np.float32]
    bias: float
    dilation: int
    is_padded: bool


def cards() -> list[BackboneCard]:
    """The kernels."""
    return [_CARD]


def learn(card: BackboneCard, examples: Sequence[Any]) -> dict[str, bytes]:
    """What :func:`from_files` needs: how long series usually are, and how many channels they have.

    Args:
        card: the card of ``random_convolutions``.
        examples: raw series; no label is read.
    """
    steps, channels = shape_of(examples)
    return {_FILE: json.dumps({"steps": steps, "channels": channels, "kernels": N_KERNELS, "seed": 0}).encode()}


def from_files(files: Mapping[str, bytes]) -> Backbone:
    """The backbone that was learnt."""
    from headstart.backbones.backbone import Backbone

    wanted = json.loads(files[_FILE])
    kernels = draw_kernels(wanted["steps"], wanted["channels"], wanted["kernels"], wanted["seed"])
    dim = 2 * len(kernels) + 2 * wanted["channels"]
    card = replace(_CARD, dim=dim, weights_id=f"random_convolutions:1:{sha256(files[_FILE]).hexdigest()}")
    return Backbone(card, _Learnt(kernels, wanted["channels"], dict(files)))


def draw_kernels(steps: int, channels: int, n_kernels: int, seed: int) -> list[Kernel]:
    """Kernels with lengths, weights, biases and padding drawn as the paper says.

    Dilations are powers of two, as in its successor, so that many kernels of one shape share a pass over the series.

    Args:
        steps: usual length of a series.
        channels: of a series.
        n_kernels: for all channels together, at least one each.
        seed: of the draw.

    Source: Dempster, Petitjean and Webb, ROCKET, Data Mining and Knowledge Discovery 34 (2020), section 3.1;
    Dempster, Schmidt and Webb, MiniRocket, KDD 2021, on dilations.
    """
    rng = np.random.default_rng(seed)
    kernels = []
    for number in range(max(n_kernels, channels)):
        length = int(rng.choice([size for size in LENGTHS if size <= steps] or [max(1, steps)]))
        weights = rng.standard_normal(length)
        most = np.log2(max(1.0, (steps - 1) / max(1, length - 1)))
        kernels.append(
            Kernel(
                channel=number % channels,
                weights=(weights - weights.mean() * (length > 1)).astype(np.float32),
                bias=float(rng.uniform(-1, 1)),
                dilation=2 ** int(rng.uniform(0, int(most) + 1)),
                is_padded=bool(rng.integers(0, 2)),
            )
        )
    return kernels


class _Learnt:
    """The provider of kernels that were drawn.

    Args:
        kernels: the kernels.
        n_channels: of the series.
        files: what they were made from.
    """

    def __init__(self, kernels: Sequence[Kernel], n_channels: int, files: dict[str, bytes]) -> None:
        self._kernels, self._n_channels, self._files = kernels, n_channels, files
        self._made: dict[tuple[int, ...], tuple[torch.Tensor, torch.Tensor]] = {}
        self._groups: dict[tuple[int, int, bool], list[int]] = {}
        for place, kernel in enumerate(kernels):
            self._groups.setdefault((len(kernel.weights), kernel.dilation, kernel.is_padded), []).append(place)

    def cards(self) -> list[BackboneCard]:
        """None: what was learnt has no public name."""
        return []

    def encode(self, card: BackboneCard, examples: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(n, dim): largest response and share of positive ones of each kernel, then mean and spread of each channel.

        Args:
            card: of the learnt backbone.
            examples: n arrays (n_steps, n_channels).
        """
        rows = np.zeros((len(examples), card.dim), dtype=np.float32)
        by_length: dict[int, list[int]] = {}
        for place, series in enumerate(examples):
            by_length.setdefault(len(checked(series, self._n_channels)), []).append(place)
        for places in by_length.values():
            rows[places] = self._encode_alike(np.stack([examples[place] for place in places]), card.dim)
        return rows

    def saved_files(self, card: BackboneCard) -> dict[str, bytes]:
        """What a bundle keeps."""
        return self._files

    def _tensors(self, places: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """(k, n_channels, length) weights, 0 for the channels that a kernel does not see, and (k,) biases."""
        import torch

        if places not in self._made:
            kernels = [self._kernels[place] for place in places]
            weights = np.zeros((len(kernels), self._n_channels, len(kernels[0].weights)), dtype=np.float32)
            for row, kernel in enumerate(kernels):
                weights[row, kernel.channel] = kernel.weights
            bias = np.array([kernel.bias for kernel in kernels], dtype=np.float32)
            self._made[places] = torch.from_numpy(weights), torch.from_numpy(bias)
        return self._made[places]

    def _encode_alike(self, series: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
        """Rows of (n, n_steps, n_channels) series of one length; kernels of one shape go together."""
        import torch
        from torch.nn.functional import conv1d

        mean, spread = series.mean(axis=1, keepdims=True), series.std(axis=1, keepdims=True)
        scaled = torch.from_numpy(np.ascontiguousarray(((series - mean) / np.maximum(spread, 1e-8)).transpose(0, 2, 1)))
        rows = np.zeros((len(series), dim), dtype=np.float32)
        n_kernels = len(self._kernels)
        for (length, dilation, is_padded), places in self._groups.items():
            reach = (length - 1) * dilation
            # A series shorter than the kernel is padded all the same, or there would be no response.
            padding = reach // 2 if is_padded else 0
            padding = max(padding, -(-(reach + 1 - series.shape[1]) // 2))
            found = conv1d(scaled, *self._tensors(tuple(places)), padding=padding, dilation=dilation)
            rows[:, places] = found.amax(dim=2).numpy()
            rows[:, [n_kernels + place for place in places]] = (found > 0).float().mean(dim=2).numpy()
        rows[:, 2 * n_kernels :] = np.concatenate([mean[:, 0], spread[:, 0]], axis=1)
        return rows
