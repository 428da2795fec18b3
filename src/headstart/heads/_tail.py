"""Scores as chances among normal rows, also beyond the largest that was seen, and several chances as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TAIL_SHARE = 0.1
"""Of the normal scores, the largest: beyond them chances fall off exponentially."""


def surprise(scores: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) minus the logarithm of the share of normal rows that score as high; rises with the score without end.

    Args:
        scores: (n,) of any rows.
        normal: (m,) of normal rows, ascending.

    Source: the exponential tail as in Pickands, Annals of Statistics 3 (1975), with shape 0.
    """
    m = len(normal)
    chances = 1 - (np.arange(m) + 0.5) / m  # (m,) of scoring higher than each
    found = -np.log(np.interp(scores, normal, chances, left=1.0))
    n_tail = max(1, round(TAIL_SHARE * m))
    start = normal[-n_tail]
    excess = float(np.mean(normal[-n_tail:] - start))
    rate = 1 / max(excess, 1e-9 * max(1.0, abs(float(start))))
    beyond = -np.log(chances[-n_tail]) + rate * (scores - start)
    return np.where(scores > start, beyond, found)


def fisher_surprise(total: NDArray[np.float64], n_parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) minus the logarithm of the chance that independent parts surprise as much together.

    The sum of k surprises has the Gamma distribution of shape k, whose tail is ``exp(-x) sum_{i<k} x^i / i!``.

    Args:
        total: (n,) sums of surprises.
        n_parts: (n,) how many each row has; 0 gives 0.
    """
    terms, series = np.ones(len(total)), np.zeros(len(total))
    for place in range(int(n_parts.max(initial=0))):
        terms = terms * total / place if place else terms
        series += np.where(place < n_parts, terms, 0.0)
    return np.where(n_parts > 0, total - np.log(np.maximum(series, 1e-300)), 0.0)
