"""Bands of frequency and stretches of time of a sound that are not heard."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from headstart.errors import InputError
from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared
from headstart.training.augmentation._windows import each_window

MOST_SECONDS = 0.7
"""Longest mask in time: the paper's 70 frames of 10 ms."""
MEL_BREAK_HZ = 700.0
"""Below it the mel scale is nearly linear."""


@final
class SpecAugment(Augmentation):
    """Masks of random width at random places; a spectrogram gets its own mean there, samples nothing.

    Widths are even from 0 to ``band_share`` of the mel bands, and from 0 to ``time_share`` of the sound or 0.7 s, what
    is less. In samples a band of frequencies is taken out of the window's spectrum, its edges even on the mel scale.
    Filling behind the sound stays as it is. Nothing is warped.

    Args:
        n_bands: masks in frequency.
        band_share: 0..1.
        n_times: masks in time.
        time_share: 0..1.

    Source: Park et al., SpecAugment, Interspeech 2019 (policy SM).
    """

    name: ClassVar[str] = "spec_augment"
    kinds: ClassVar[frozenset[str]] = frozenset({"mels", "waves"})

    def __init__(
        self, *, n_bands: int = 2, band_share: float = 15 / 80, n_times: int = 2, time_share: float = 0.2
    ) -> None:
        if min(n_bands, n_times) < 0 or not (0 <= band_share <= 1 and 0 <= time_share <= 1):
            raise InputError(
                f"spec_augment needs masks of 0 or more and shares in 0..1, got n_bands={n_bands}, band_share="
                f"{band_share}, n_times={n_times}, time_share={time_share}. Correct them."
            )
        self.n_bands, self.band_share, self.n_times, self.time_share = n_bands, band_share, n_times, time_share

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """Spectrograms and counts of states, or samples and their counts."""
        contents = inputs[0].clone(memory_format=torch.contiguous_format)
        generators = list(draws)
        for place, window, length in each_window(contents, inputs[1], prepared.kind):
            if prepared.kind == "mels":
                self._mask_spectrogram(window[:, :length], generators[place])
            else:
                self._mask_samples(window[:length], prepared.rate, generators[place])
        return (contents, *inputs[1:])

    def _mask_spectrogram(self, heard: Tensor, draw: np.random.Generator) -> None:
        """(n_mels, frames), in place."""
        n_mels, frames = heard.shape
        mean = heard.mean().clone()
        for begin, end in _masks(n_mels, int(self.band_share * n_mels), self.n_bands, draw):
            heard[begin:end] = mean
        most = min(int(self.time_share * frames), round(MOST_SECONDS * 100))
        for begin, end in _masks(frames, most, self.n_times, draw):
            heard[:, begin:end] = mean

    def _mask_samples(self, heard: Tensor, rate: int, draw: np.random.Generator) -> None:
        """(samples,), in place."""
        n = len(heard)
        top = _mel(rate / 2)
        spectrum = torch.fft.rfft(heard)
        for _ in range(self.n_bands):
            width = draw.uniform(0, self.band_share * top)
            low = draw.uniform(0, top - width)
            first, last = (round(_hertz(mel) * n / rate) for mel in (low, low + width))
            spectrum[first:last] = 0
        if self.n_bands:
            heard.copy_(torch.fft.irfft(spectrum, n=n).clamp(-1.0, 1.0))
        most = min(int(self.time_share * n), round(MOST_SECONDS * rate))
        for begin, end in _masks(n, most, self.n_times, draw):
            heard[begin:end] = 0


def _masks(n: int, most: int, count: int, draw: np.random.Generator) -> list[tuple[int, int]]:
    """``count`` stretches of 0 to ``most`` places of n."""
    widths = draw.integers(most + 1, size=count)
    return [(begin, begin + int(width)) for width in widths for begin in [int(draw.integers(n - width + 1))]]


def _mel(hertz: float) -> float:
    return float(np.log1p(hertz / MEL_BREAK_HZ))


def _hertz(mel: float) -> float:
    return float(MEL_BREAK_HZ * np.expm1(mel))
