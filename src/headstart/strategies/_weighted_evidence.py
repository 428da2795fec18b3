"""Regressors compared without target labels: by weighted errors on source rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._evidence import Evidence, mean_test

RULE = "weighted error"
FEWEST_EFFECTIVE = 20
"""Weights worth fewer equal rows than this prove nothing."""


def weighted_evidence(
    name: str, y: NDArray[Any], plain: NDArray[Any], adapted: NDArray[Any], weights: NDArray[np.float64]
) -> Evidence:
    """Squared errors on source rows that neither model learnt from, weighted to look like the target.

    Both models take them for target rows. That is right where the two domains differ in their rows alone; an alignment
    that moves target rows is not proven so, and needs a few labels.

    Args:
        name: of the strategy.
        y: (n,) or (n, n_outputs) targets of the source rows.
        plain: what the source-only model says of them.
        adapted: what the strategy says of them.
        weights: (n,) density ratios of target to source.

    Source: Sugiyama, Krauledat and Muller, Covariate Shift Adaptation by Importance Weighted Cross Validation, JMLR 8
    (2007); the comparison in pairs is ours.
    """
    before, after = _errors(y, plain), _errors(y, adapted)
    share = weights / weights.sum()
    level = float(share @ before)
    gain = float(share @ (before - after)) / level if level > 0 else 0.0
    n_effective = 1 / float((share**2).sum())
    found = Evidence(name, RULE, gain, mean_test(before - after, weights))
    if n_effective < FEWEST_EFFECTIVE:
        return found.but(f"source rows like the target are worth {n_effective:.0f} rows only")
    return found


def _errors(y: Any, said: Any) -> NDArray[np.float64]:
    squares = (np.asarray(y, dtype=np.float64) - np.asarray(said, dtype=np.float64)) ** 2
    return np.asarray(squares.reshape(len(squares), -1).mean(axis=1))
