"""Kaldi's log filter banks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

RATE = 16_000
FRAME, HOP, N_FFT = 400, 160, 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = 0.97
_FLOOR = 1.1920928955078125e-07


class KaldiFbank(nn.Module):
    """(n, samples) at 16 kHz -> (n, frames, n_mels) natural logarithms of the power in mel bands.

    Frames of 25 ms every 10 ms, none beyond the ends; the mean is taken off each, high tones are raised, then a Hann
    window that reaches 0 at both ends.

    Args:
        n_mels: mel bands from 20 Hz to 8 kHz.

    Source: Povey et al., The Kaldi Speech Recognition Toolkit, ASRU 2011 (compute-fbank-feats).
    """

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.window: Tensor
        self.filters: Tensor
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))
        self.register_buffer("window", torch.tensor(window, dtype=torch.float64), persistent=False)
        self.register_buffer("filters", torch.tensor(kaldi_filters(n_mels), dtype=torch.float64), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Log power of every whole frame."""
        with torch.autocast(waves.device.type, enabled=False):
            frames = waves.double().unfold(1, FRAME, HOP)  # (n, frames, FRAME); doubles, for the quietest bands
            frames = frames - frames.mean(2, keepdim=True)
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
            spectrum = torch.fft.rfft((frames - _PREEMPHASIS * before) * self.window.double(), n=N_FFT, dim=2)
            power = spectrum.real.square() + spectrum.imag.square()
            return torch.clamp(power @ self.filters.double(), min=_FLOOR).log().float()


def n_frames(n_samples: Tensor) -> Tensor:
    """(n,) whole frames in so many samples."""
    return torch.clamp((n_samples - FRAME) // HOP + 1, min=0)


def kaldi_filters(n_mels: int) -> NDArray[np.float64]:
    """(N_FFT // 2 + 1, n_mels) triangles that are even on the mel scale; the highest frequency counts nowhere."""
    low, high = _mel(np.array([_LOWEST_HZ, RATE / 2]))
    edges = np.linspace(low, high, n_mels + 2)
    bins = _mel(np.arange(N_FFT // 2 + 1) * (RATE / N_FFT))[:, None]
    width = edges[1] - edges[0]
    rising, falling = (bins - edges[:-2]) / width, (edges[2:] - bins) / width
    filters: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters


def _mel(hz: NDArray[Any]) -> NDArray[np.float64]:
    mel: NDArray[np.float64] = 1127.0 * np.log1p(hz / 700.0)
    return mel
