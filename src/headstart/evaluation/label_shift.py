"""Shares of the classes in the target, were label shift all that differs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def shifted_shares(
    chances: NDArray[Any], source_shares: NDArray[Any], *, max_iter: int = 500, tol: float = 1e-8
) -> NDArray[np.float64]:
    """(n_classes,) shares under which the target rows are likeliest, by expectation maximisation.

    Args:
        chances: (n, n_classes) probabilities of target rows by a model that learnt the source.
        source_shares: (n_classes,) shares of the classes in the source, above 0.
        max_iter: rounds at most.
        tol: largest change of a share in the last round.

    Source: Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities:
    A Simple Procedure, Neural Computation 14 (2002).
    """
    source_shares = np.asarray(source_shares, dtype=np.float64)
    shares = source_shares / source_shares.sum()
    for _ in range(max_iter):
        scaled = chances * (shares / source_shares)
        totals = scaled.sum(axis=1, keepdims=True)
        following = (scaled / np.where(totals > 0, totals, 1)).mean(axis=0)
        following = following / following.sum() if following.sum() > 0 else shares
        moved, shares = float(np.abs(following - shares).max()), following
        if moved <= tol:
            break
    return np.asarray(shares)
