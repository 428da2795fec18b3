"""Out-of-sample maps of optimal transport: where a new source row goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import beside, fetched, namespace, placed
from headstart.strategies._mathematics.kernels import squared_distances

BLOCK_ELEMENTS = 2**22
MOST_ENTRIES = 10**8
"""Largest plan between all rows of two domains: 0.8 GB."""


def check_plan_fits(who: str, source: NDArray[Any], target: NDArray[Any]) -> None:
    """Raise one line where the plan between all rows would be too large."""
    if len(source) * len(target) > MOST_ENTRIES:
        got = f"{len(source):,} x {len(target):,}"
        raise InputError(f"{who} needs a plan of at most {MOST_ENTRIES:,} entries, got {got}. Use MiniBatchTransport.")


def barycentres(plan: Any, target: NDArray[Any]) -> NDArray[Any]:
    """(n, d) mean target row that the mass of each source row goes to; plan (n, m), target (m, d)."""
    masses = np.asarray(plan.sum(axis=1)).ravel()
    return np.asarray((plan @ target.astype(np.float64)) / masses[:, None])


def displaced(X: NDArray[Any], fitted: NDArray[Any], moves: NDArray[Any]) -> NDArray[Any]:
    """(n, d) rows moved as the nearest fitted row (m, d) was moved by ``moves`` (m, d).

    Source: Ferradans, Papadakis, Peyre and Aujol, Regularized Discrete Optimal Transport, SIAM J. Imaging Sciences 7
    (2014).
    """
    rows = np.empty_like(X)
    step = max(1, BLOCK_ELEMENTS // len(fitted))
    for begin in range(0, len(X), step):
        block = X[begin : begin + step]
        near = squared_distances(block, fitted.astype(X.dtype)).argmin(axis=1)
        rows[begin : begin + step] = block + moves[near].astype(X.dtype)
    return rows


def entropic_image(X: NDArray[Any], target: NDArray[Any], potentials: NDArray[np.float64], entropy: float) -> Any:
    """(n, d) mean target row under the plan's mass at each row, which holds for rows in and out of the sample.

    Args:
        X: (n, d) source rows.
        target: (m, d) target rows.
        potentials: (m,) of the target rows.
        entropy: what they were found for.

    Source: Seguy et al., Large-Scale Optimal Transport and Mapping Estimation, ICLR 2018; Pooladian and Niles-Weed,
    Entropic Estimation of Optimal Transport Maps, arXiv 2109.12004.
    """
    rows = np.empty_like(X)
    target = target.astype(X.dtype)
    offsets = (potentials / entropy).astype(X.dtype)
    step = max(1, BLOCK_ELEMENTS // len(target))
    for begin in range(0, len(X), step):
        block = placed(X[begin : begin + step], 2 * float(X.size) * len(target))
        others, xp = beside(target, block), namespace(block)
        powers: Any = squared_distances(block, others)
        powers *= float(-1 / entropy)
        powers += beside(offsets, block)
        powers -= xp.amax(powers, axis=1, keepdims=True)
        xp.exp(powers, out=powers)
        powers /= powers.sum(axis=1, keepdims=True)
        rows[begin : begin + step] = fetched(powers @ others)
    return rows
