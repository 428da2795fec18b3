"""A Transformers model of sound that reads samples (wav2vec 2.0 and its kin)."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones._channel_norm import ChannelNorm

_EPSILON = 1e-7


class WaveStates(nn.Module):
    """(n, samples) and (n,) samples that are no filling -> (n, t, dim) states of the last layer.

    Args:
        model: a Transformers model with a convolution over samples before its encoder.
        scales: whether every clip is scaled to mean 0 and deviation 1 first, as the weights were trained.
        is_filled_up: whether clips of unlike length come together; what was filled up is then masked everywhere.
    """

    time_last = ("model.feature_extractor",)
    """Blocks that give (n, dim, t)."""

    def __init__(self, model: Any, *, scales: bool, is_filled_up: bool) -> None:
        super().__init__()
        self.scales, self.is_filled_up = scales, is_filled_up
        self.dim = int(model.config.output_hidden_size if _has_adapter(model) else model.config.hidden_size)
        self.model = model
        self._norms: list[ChannelNorm] = []
        if is_filled_up:
            self._norms = [_masked(layer) for layer in model.feature_extractor.conv_layers if _has_channel_norm(layer)]
        if getattr(model.config, "do_stable_layer_norm", False):
            # It is applied behind the layers, and blocks are listed in the order of the parts.
            model.encoder.layer_norm = model.encoder._modules.pop("layer_norm")

    def forward(self, waves: Tensor, n_samples: Tensor) -> Tensor:
        """States of a batch of clips; the first :meth:`n_states` of each mean something."""
        is_sound = torch.arange(waves.shape[1], device=waves.device) < n_samples[:, None]
        if self.scales:
            waves = _scaled(waves, is_sound)
        if not self.is_filled_up:
            whole: Tensor = self.model(input_values=waves, return_dict=True).last_hidden_state
            return whole
        config = self.model.config
        for norm in self._norms:  # only the first convolution has one
            norm.n_valid = (n_samples - config.conv_kernel[0]) // config.conv_stride[0] + 1
        with warnings.catch_warnings():
            # WavLM hands torch a mask of truths beside a bias of numbers.
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask", UserWarning)
            found = self.model(input_values=waves, attention_mask=is_sound.long(), return_dict=True)
        states: Tensor = found.last_hidden_state
        return states

    def n_states(self, n_samples: Tensor) -> Tensor:
        """(n,) states that clips of so many samples have."""
        found: Tensor = self.model._get_feat_extract_output_lengths(n_samples)
        return found.long()


def _has_adapter(model: Any) -> bool:
    return bool(getattr(model.config, "add_adapter", False))


def _has_channel_norm(layer: Any) -> bool:
    norm = getattr(layer, "layer_norm", None)
    return isinstance(norm, nn.GroupNorm) and norm.num_groups == norm.num_channels


def _masked(layer: Any) -> ChannelNorm:
    layer.layer_norm = ChannelNorm(layer.layer_norm)
    masked: ChannelNorm = layer.layer_norm
    return masked


def _scaled(waves: Tensor, is_sound: Tensor) -> Tensor:
    weight = is_sound / is_sound.sum(1, keepdim=True)
    centred = waves - (waves * weight).sum(1, keepdim=True)
    variance = (centred.square() * weight).sum(1, keepdim=True)
    return torch.where(is_sound, centred * torch.rsqrt(variance + _EPSILON), 0.0)
