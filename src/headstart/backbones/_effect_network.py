"""The network that tells sound effects apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from headstart.backbones._mel_power import MelPower

RATE, DIM = 44_100, 512
HOP, FRAMES, STEP = 1024, 100, 50
"""Samples between two frames; frames of a block (2.3 s), and between two blocks."""
_N_FFT, _N_MELS = 2048, 96
_CHANNELS = (64, 128, 256, 512)
_LOUDEST = 9.457798957824707
"""Largest logarithm among the data that it was trained on."""


class EffectNetwork(nn.Module):
    """(n, samples) at 44.1 kHz -> (n, blocks, 512), no value below 0.

    The logarithm of the power in mel bands is scaled to 0..1. A last block that is not whole is left out, except where
    it is the only one; silence follows it then.

    Source: Ma et al., Representation Learning for the Automatic Indexing of Sound Effects Libraries, ISMIR 2022.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = MelPower(unit_sum_filters(), hop=HOP, is_periodic=False)
        pairs = zip((1, *_CHANNELS), _CHANNELS, strict=False)
        self.blocks = nn.ModuleList([_Block(n_in, n_out) for n_in, n_out in pairs])

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """Features of the blocks of clips of one length."""
        waves = functional.pad(waves, (0, -waves.shape[1] % HOP))  # the last frame begins behind the end
        level = (10_000.0 * self.mel(waves) + 1.0).log10() / _LOUDEST  # (n, frames, mels)
        level = functional.pad(level, (0, 0, 0, max(0, FRAMES - level.shape[1])))
        blocks = level.unfold(1, FRAMES, STEP).transpose(2, 3)  # (n, blocks, frames, mels)
        x = blocks.flatten(0, 1).unsqueeze(1)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number < len(self.blocks):
                x = functional.max_pool2d(x, 2)
        return x.mean(3).amax(2).reshape(*blocks.shape[:2], -1)


class _Block(nn.Module):
    """Two convolutions, each with its normalisation."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(x)))


def unit_sum_filters() -> NDArray[np.float32]:
    """(1025, 96) triangles that are even on HTK's mel scale, each of sum 1, as Essentia makes them."""
    edges = np.linspace(0.0, _mel(RATE / 2), _N_MELS + 2)
    bins = np.array([_mel(place * RATE / _N_FFT) for place in range(_N_FFT // 2 + 1)])[:, None]
    width = edges[1] - edges[0]
    filters = np.maximum(0.0, np.minimum((bins - edges[:-2]) / width, (edges[2:] - bins) / width))
    scaled: NDArray[np.float32] = (filters / filters.sum(0)).astype(np.float32)
    return scaled


def _mel(hz: float) -> float:
    return float(1127.01048 * np.log1p(hz / 700.0))
