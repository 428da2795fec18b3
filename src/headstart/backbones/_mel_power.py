"""Power in mel bands, as librosa has it, computed inside a module."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class MelPower(nn.Module):
    """(n, samples) -> (n, samples // hop + 1, n_mels) power in mel bands, frames centred.

    Args:
        rate: samples a second.
        n_fft: samples of a frame, under a periodic Hann window.
        hop: samples between two frames.
        n_mels: bands.
        padding: "constant" (silence) or "reflect" beyond both ends.
        bands: further arguments of ``librosa.filters.mel``.
    """

    def __init__(
        self, *, rate: int, n_fft: int, hop: int, n_mels: int, padding: str = "constant", **bands: Any
    ) -> None:
        from librosa.filters import mel

        super().__init__()
        self.n_fft, self.hop, self.padding = n_fft, hop, padding
        self.window: Tensor
        self.filters: Tensor
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
        filters = mel(sr=rate, n_fft=n_fft, n_mels=n_mels, **bands).T.astype(np.float32)
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
