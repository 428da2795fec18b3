"""Power in mel bands, computed inside a module."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


class MelPower(nn.Module):
    """(n, samples) -> (n, samples // hop + 1, n_mels) power in mel bands, frames centred, under a Hann window.

    Args:
        filters: (n_fft // 2 + 1, n_mels) what each frequency counts in each band.
        hop: samples between two frames.
        padding: "constant" (silence) or "reflect" beyond both ends.
        is_periodic: whether the window is one whole period, or reaches 0 at both ends.
    """

    def __init__(
        self, filters: NDArray[np.float32], *, hop: int, padding: str = "constant", is_periodic: bool = True
    ) -> None:
        super().__init__()
        self.n_fft, self.hop, self.padding = 2 * (len(filters) - 1), hop, padding
        self.window: Tensor
        self.filters: Tensor
        period = self.n_fft if is_periodic else self.n_fft - 1
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.n_fft) / period)
        self.register_buffer("window", torch.tensor(window, dtype=torch.float32), persistent=False)
        self.register_buffer("filters", torch.tensor(filters), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Power of every frame."""
        with torch.autocast(waves.device.type, enabled=False):
            half = self.n_fft // 2
            padded = functional.pad(waves.float().unsqueeze(1), (half, half), mode=self.padding).squeeze(1)
            frames = padded.unfold(1, self.n_fft, self.hop)  # (n, frames, n_fft)
            spectrum = torch.fft.rfft(frames * self.window, dim=2)
            power: Tensor = (spectrum.real.square() + spectrum.imag.square()) @ self.filters
            return power


def mel_filters(*, rate: int, n_fft: int, n_mels: int, **bands: Any) -> NDArray[np.float32]:
    """(n_fft // 2 + 1, n_mels) librosa's filters.

    Args:
        rate: samples a second.
        n_fft: samples of a frame.
        n_mels: bands.
        bands: further arguments of ``librosa.filters.mel``.
    """
    from librosa.filters import mel

    filters: NDArray[np.float32] = mel(sr=rate, n_fft=n_fft, n_mels=n_mels, **bands).T.astype(np.float32)
    return filters
