"""Transformers models of sound that read the spectrogram of a whole window: AST and CLAP's audio tower."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones._kaldi_fbank import KaldiFbank, n_frames
from headstart.backbones._mel_power import MelPower, mel_filters

_FLOOR = 1e-10


class SpectrogramTransformer(nn.Module):
    """(n, samples) and (n,) samples that are no filling -> (n, dim): the mean of AST's class and distillation states.

    Args:
        model: Transformers' audio spectrogram transformer.
        mean: of the log filter banks that it was trained on.
        std: their deviation, of which twice is divided by.

    Source: Gong, Chung and Glass, AST: Audio Spectrogram Transformer, Interspeech 2021.
    """

    def __init__(self, model: Any, *, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.dim, self.most_frames = int(model.config.hidden_size), int(model.config.max_length)
        self.fbank = KaldiFbank(int(model.config.num_mel_bins))
        self.model = model

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """Features of a batch of windows; behind a short one stand zeros in place of logarithms."""
        fbank = self.fbank(waves)[:, : self.most_frames]  # (n, frames, mels)
        is_sound = torch.arange(fbank.shape[1], device=waves.device) < n_frames(n_samples)[:, None]
        fbank = torch.where(is_sound.unsqueeze(-1), fbank, 0.0)
        fbank = nn.functional.pad(fbank, (0, 0, 0, self.most_frames - fbank.shape[1]))
        pooled: Tensor = self.model(input_values=(fbank - self.mean) / (2 * self.std), return_dict=True).pooler_output
        return pooled


class ClapAudio(nn.Module):
    """(n, samples) and (n,) samples that are no filling -> (n, dim): the pooled output of CLAP's audio tower.

    A clip shorter than the window is repeated as often as it fits in whole, then followed by silence.

    Args:
        model: Transformers' audio tower.
        window_samples: of the window.
        hop: samples between two frames of the spectrogram.
        mel: its other settings, for :func:`~headstart.backbones._mel_power.mel_filters`.

    Source: Wu et al., Large-scale Contrastive Language-Audio Pretraining, ICASSP 2023.
    """

    def __init__(self, model: Any, *, window_samples: int, hop: int, mel: dict[str, Any]) -> None:
        super().__init__()
        self.window_samples = window_samples
        self.dim = int(model.audio_encoder.num_features)
        parts = model.audio_encoder._modules
        for name in ("patch_embed", "layers", "norm"):
            # The normalisation comes first, and blocks are listed in the order of the parts.
            parts[name] = parts.pop(name)
        self.mel = MelPower(mel_filters(**mel), hop=hop, padding="reflect")
        self.model = model

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """Features of a batch of windows."""
        power = self.mel(_repeated(waves, n_samples, self.window_samples))
        decibels = (10.0 * power.clamp(min=_FLOOR).log10()).unsqueeze(1)  # (n, 1, frames, mels)
        if self.model.config.enable_fusion:
            # Of a clip in one window there is no second view; the whole stands in all places.
            decibels = decibels.expand(-1, 4, -1, -1)
        is_longer = torch.zeros((len(waves), 1), dtype=torch.bool, device=waves.device)
        pooled: Tensor = self.model(input_features=decibels, is_longer=is_longer).pooler_output
        return pooled


def _repeated(waves: Tensor, n_samples: Tensor, length: int) -> Tensor:
    place = torch.arange(length, device=waves.device).expand(len(waves), -1)
    n = n_samples[:, None]
    found = waves.gather(1, place % n)
    return torch.where(place < n * (length // n), found, 0.0)
