"""The network that tells speakers apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.backbones._mel_power import MelPower, mel_filters

RATE, DIM = 16_000, 256
_N_FFT, _HOP, _N_MELS, _N_LAYERS = 400, 160, 40, 3
_FRAMES, _STEP = 160, 77
"""Frames of a part of an utterance (1.6 s), and between two parts (1.3 of them a second)."""
_LEAST_COVERED = 0.75
_QUIETEST = 10 ** (-30 / 20)
_SILENCE = 1e-7


class SpeakerNetwork(nn.Module):
    """(n, samples) at 16 kHz -> (n, parts, 256): for each part of a clip one row of length 1, without negatives.

    A quiet clip is raised to -30 dB of full scale. A last part of which less than three quarters are there is left out.
    The features of a clip are the mean over its parts, scaled to length 1.

    Source: Wan et al., Generalized End-to-End Loss for Speaker Verification, ICASSP 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = MelPower(mel_filters(rate=RATE, n_fft=_N_FFT, n_mels=_N_MELS), hop=_HOP)
        self.lstm = nn.LSTM(_N_MELS, DIM, _N_LAYERS, batch_first=True)
        self.linear = nn.Linear(DIM, DIM)

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """Features of the parts of clips of one length."""
        loudness = waves.square().mean(1, keepdim=True).sqrt()
        is_quiet = (loudness < _QUIETEST) & (loudness > _SILENCE)
        waves = torch.where(is_quiet, waves * (_QUIETEST / loudness.clamp(min=_SILENCE)), waves)
        n_parts = parts_of(waves.shape[1])
        n_frames = (n_parts - 1) * _STEP + _FRAMES
        waves = functional.pad(waves, (0, max(0, n_frames * _HOP - waves.shape[1])))
        parts = self.mel(waves)[:, :n_frames].unfold(1, _FRAMES, _STEP)  # (n, parts, mels, frames)
        _, (hidden, _) = self.lstm(parts.transpose(2, 3).flatten(0, 1))
        rows = functional.relu(self.linear(hidden[-1]))
        return functional.normalize(rows, dim=1).reshape(len(waves), n_parts, -1)


def parts_of(n_samples: int) -> int:
    """Parts that a clip of so many samples has."""
    n_frames = math.ceil((n_samples + 1) / _HOP)
    n_parts = math.ceil(max(1, n_frames - _FRAMES + _STEP + 1) / _STEP)
    covered = n_samples - (n_parts - 1) * _STEP * _HOP
    return n_parts - 1 if n_parts > 1 and covered < _LEAST_COVERED * _FRAMES * _HOP else n_parts
