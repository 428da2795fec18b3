"""From sound to the log-mel spectrogram that a speech encoder was trained on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headstart.types import AudioInput

FLOOR = 1e-10
"""Smallest power whose logarithm is taken."""
DYNAMIC_RANGE = 8.0
"""Decades below the loudest point that are told apart."""


def log_mel(sound: NDArray[np.float32], spec: AudioInput) -> NDArray[np.float32]:
    """(n_mels, n_samples // hop) log-mel spectrogram.

    Frames are centred, the sound is mirrored at its ends, the last frame is left out, mel bands are Slaney's;
    decades are clipped to 8 below the loudest and scaled as (x + 4) / 4.

    Args:
        sound: (n_samples,) float32 at ``spec.rate``, at least ``spec.n_fft`` samples.
        spec: what the backbone wants.

    Source: Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, ICML 2023.
    """
    from scipy.fft import rfft

    half = spec.n_fft // 2
    padded = np.pad(sound.astype(np.float32), half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, spec.n_fft)[:: spec.hop][:-1]  # (frames, n_fft)
    spectrum = rfft(frames * _hann(spec.n_fft), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)  # (frames, n_fft // 2 + 1)
    mel = np.log10(np.maximum(power @ _filters(spec.rate, spec.n_fft, spec.n_mels), FLOOR))
    mel = np.maximum(mel, mel.max() - DYNAMIC_RANGE)
    scaled: NDArray[np.float32] = np.ascontiguousarray((mel.T + 4.0) / 4.0, dtype=np.float32)
    return scaled


@lru_cache(maxsize=4)
def _hann(n: int) -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


@lru_cache(maxsize=4)
def _filters(rate: int, n_fft: int, n_mels: int) -> NDArray[np.float32]:
    """(n_fft // 2 + 1, n_mels) weights."""
    from librosa.filters import mel

    filters: NDArray[np.float32] = mel(sr=rate, n_fft=n_fft, n_mels=n_mels).T.astype(np.float32)
    return filters
