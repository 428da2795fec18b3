"""How far two domains lie apart by a linear classifier that tells them, and which of the two gaps matters more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def proxy_a_distance(source: NDArray[Any], target: NDArray[Any], *, ridge: float = 1e-3) -> float:
    """2 (1 - 2 e), e the balanced error of the linear discriminant between the domains; from 0 to 2.

    Source: Ben-David, Blitzer, Crammer and Pereira, Analysis of Representations for Domain Adaptation, NIPS 2006.
    """
    means = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    within: Any = 0.0
    for rows, mean in zip((source, target), means, strict=True):
        centred = rows - mean.astype(rows.dtype)
        within = within + (centred.T @ centred).astype(np.float64) / len(rows)
    level = float(np.trace(within)) / len(within)
    within[np.diag_indices_from(within)] += ridge * level + 1e-300
    direction = np.linalg.solve(within, means[0] - means[1])
    cut = float((means[0] + means[1]) @ direction) / 2
    errors = [float(np.mean(source @ direction < cut)), float(np.mean(target @ direction >= cut))]
    return max(0.0, 2 * (1 - sum(errors)))


def estimated_balance(source: NDArray[Any], target: NDArray[Any], source_codes: Codes, target_codes: Codes) -> float:
    """Weight of the classes' gaps against the domains' gap, from 0 to 1: their share of the proxy A-distances.

    Args:
        source: (n_source, d) rows.
        target: (n_target, d) rows.
        source_codes: (n_source,) classes.
        target_codes: (n_target,) guessed classes, -1 where unknown.

    Source: Wang et al., Visual Domain Adaptation with Manifold Embedded Distribution Alignment, ACM MM 2018, section
    3.4.
    """
    marginal = proxy_a_distance(source, target)
    shared = np.intersect1d(source_codes, target_codes[target_codes >= 0])
    each = [proxy_a_distance(source[source_codes == code], target[target_codes == code]) for code in shared]
    conditional = float(np.mean(each)) if each else 0.0
    total = marginal + conditional
    return conditional / total if total > 0 else 0.5
