"""Building a model without disturbing anybody's random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def fixed_seed(seed: int = 0) -> Iterator[None]:
    """Torch's CPU generator starts at ``seed`` inside and is as before afterwards; other devices are not touched."""
    import torch

    # Not torch.manual_seed: that one would also seed the accelerators, which fork_rng(devices=[]) does not restore.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
