"""The network that tags music: filters as tall as instruments and as long as rhythms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.backbones._mel_power import MelPower, mel_filters

RATE, DIM = 16_000, 200
HOP, FRAMES = 256, 187
"""Samples between two frames; frames of a patch (3 s)."""
_N_FFT, _N_MELS = 512, 96
_TIMBRE_HEIGHTS, _TIMBRE_FILTERS = (38, 67), 204
_RHYTHM_LENGTHS, _RHYTHM_FILTERS = (128, 64, 32), 51
_LENGTH, _MIDDLE = 7, 64
_EPSILON = 1e-3


class MusicNetwork(nn.Module):
    """(n, samples) at 16 kHz -> (n, patches, 200) states before the tags.

    A last patch that is not whole is left out.

    Source: Pons and Serra, musicnn: Pre-trained Convolutional Neural Networks for Music Audio Tagging, ISMIR 2019.
    """

    time_last = ("timbre", "rhythm", "middle")
    """Blocks that give (n, dim, t)."""

    def __init__(self) -> None:
        super().__init__()
        n_front = len(_TIMBRE_HEIGHTS) * _TIMBRE_FILTERS + len(_RHYTHM_LENGTHS) * _RHYTHM_FILTERS
        n_pooled = 2 * (n_front + 3 * _MIDDLE)
        self.mel = MelPower(mel_filters(rate=RATE, n_fft=_N_FFT, n_mels=_N_MELS), hop=HOP)
        self.norm = nn.BatchNorm2d(1, eps=_EPSILON)
        self.timbre = nn.ModuleList([_Front(_TIMBRE_FILTERS, _LENGTH, height) for height in _TIMBRE_HEIGHTS])
        self.rhythm = nn.ModuleList([_Front(_RHYTHM_FILTERS, length, 1) for length in _RHYTHM_LENGTHS])
        self.middle = nn.ModuleList([_Middle(size, _MIDDLE) for size in (n_front, _MIDDLE, _MIDDLE)])
        self.pooled_norm = nn.BatchNorm1d(n_pooled, eps=_EPSILON)
        self.dense = nn.Linear(n_pooled, DIM)
        self.dense_norm = nn.BatchNorm1d(DIM, eps=_EPSILON)

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """Features of the patches of clips of one length."""
        level = (10_000.0 * self.mel(waves) + 1.0).log10()  # (n, frames, mels)
        patches = level.unfold(1, FRAMES, FRAMES).transpose(2, 3)  # (n, patches, frames, mels)
        x = self.norm(patches.flatten(0, 1).unsqueeze(1))
        parts = [torch.cat([front(x) for front in (*self.timbre, *self.rhythm)], dim=1)]  # (n, 561, frames)
        for middle in self.middle:
            found = middle(parts[-1])
            parts.append(found + parts[-1] if len(parts) > 1 else found)
        states = torch.cat(parts, dim=1)
        pooled = self.pooled_norm(torch.stack([states.amax(2), states.mean(2)], dim=2).flatten(1))
        rows: Tensor = self.dense_norm(functional.relu(self.dense(pooled)))
        return rows.reshape(*patches.shape[:2], -1)


class _Front(nn.Module):
    """A convolution and its largest value over frequency: (n, 1, frames, mels) -> (n, n_filters, frames)."""

    def __init__(self, n_filters: int, length: int, height: int) -> None:
        super().__init__()
        self.before, self.after = (length - 1) // 2, length // 2
        self.conv = nn.Conv2d(1, n_filters, (length, height))
        self.norm = nn.BatchNorm2d(n_filters, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (0, 0, self.before, self.after))
        found: Tensor = self.norm(functional.relu(self.conv(x)))
        return found.amax(3)


class _Middle(nn.Module):
    """A convolution over time: (n, c, frames) -> (n, n_filters, frames)."""

    def __init__(self, n_in: int, n_filters: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_filters, _LENGTH, padding=_LENGTH // 2)
        self.norm = nn.BatchNorm1d(n_filters, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.norm(functional.relu(self.conv(x)))
        return found
