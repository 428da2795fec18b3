"""What the forward pass of training computes in, where nobody says: what is faster there, as measured."""

from __future__ import annotations

import torch
from torch import nn

from headstart.training.rule import ATTENTION, kind_of

_ASKED = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
"""Questions to torch about dot products and matrix products of bf16 numbers on a processor."""


def precision_for(module: nn.Module, device: torch.device, asked: str = "auto") -> str:
    """What ``asked`` comes to: "fp32" or "bf16".

    "auto" is bf16 on an accelerator that computes in it, and for attention on a processor with instructions for it;
    convolutions are slower in it on a processor (``benchmarks/cpu_precision.py``). Weights, the optimizer and losses
    are float32 either way, and whatever is not trained is computed in float32.

    Args:
        module: what is trained.
        device: where.
        asked: one of :data:`~headstart.training.settings.PRECISIONS`.
    """
    if asked != "auto":
        return asked
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        pays = device.type == "cpu" and has_bf16_instructions() and kind_of(module) == ATTENTION
    return "bf16" if pays else "fp32"


def has_bf16_instructions() -> bool:
    """True for a processor that multiplies bf16 numbers (AVX512-BF16, AMX) and does not merely imitate it."""
    return any(bool(getattr(torch.cpu, question, bool)()) for question in _ASKED)
