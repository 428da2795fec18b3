"""A Whisper encoder that takes clips of any length up to its window."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class SpeechEncoder(nn.Module):
    """(n, mels, frames) -> (n, frames // 2, dim) states of the last layer.

    The positions begin at the first frame, so that a short clip needs no half minute of silence behind it.

    Args:
        encoder: Transformers' Whisper encoder.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.conv1, self.conv2 = encoder.conv1, encoder.conv2
        self.embed_positions = encoder.embed_positions
        self.layers = encoder.layers
        self.layer_norm = encoder.layer_norm

    def forward(self, mels: Tensor) -> Tensor:
        """States of every second frame."""
        states = functional.gelu(self.conv2(functional.gelu(self.conv1(mels))))
        states = states.permute(0, 2, 1)
        states = states + self.embed_positions.weight[: states.shape[1]]
        for layer in self.layers:
            out = layer(states, None)
            states = out[0] if isinstance(out, tuple) else out
        normed: Tensor = self.layer_norm(states)
        return normed
