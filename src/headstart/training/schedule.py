"""The learning rate over the steps: a linear rise, then half a cosine."""

from __future__ import annotations

from math import ceil, cos, pi


def warmup_cosine(step: int, *, n_steps: int, warmup: float = 0.1, floor: float = 0.0) -> float:
    """Share of the highest rate at ``step``: above 0 within the run, ``floor`` from its end on.

    Args:
        step: steps done before this one, from 0.
        n_steps: steps of the whole run; from there on the share is ``floor``.
        warmup: share of the steps in which it rises to 1.
        floor: what is left at the end.

    Returns:
        A number in 0..1.

    Source: Loshchilov and Hutter, SGDR, ICLR 2017; the rise: Goyal et al., arXiv:1706.02677.

    >>> [round(warmup_cosine(step, n_steps=6, warmup=0.5), 3) for step in range(7)]
    [0.25, 0.5, 0.75, 1.0, 0.75, 0.25, 0.0]
    """
    n_rising = ceil(warmup * n_steps)
    if step < n_rising:
        return (step + 1) / (n_rising + 1)
    progress = min(1.0, (step - n_rising) / max(1, n_steps - n_rising))
    return floor + (1 - floor) * 0.5 * (1 + cos(pi * progress))
