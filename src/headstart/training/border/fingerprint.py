"""What a module computes, in one digest."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def fingerprint(module: nn.Module) -> str:
    """Digest, 64 hex digits, of the module's structure as it prints itself, and of all its parameters and buffers."""
    digest = hashlib.sha256(repr(module).encode())
    for name, tensor in sorted((*module.named_parameters(), *module.named_buffers())):
        numbers = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode() + numbers.tobytes())
    return digest.hexdigest()
