"""Maximum-mean-discrepancy matrices as the few vectors that they consist of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.accelerator import beside, fetched, placed

Codes = NDArray[np.int64]
BLOCK_ROWS = 2**14


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Sums of the rows of one domain, over all and within each class."""

    n: int
    total: NDArray[np.float64]  # (r,)
    counts: NDArray[np.int64]  # (n_classes,) rows of known class
    sums: NDArray[np.float64]  # (n_classes, r)

    @classmethod
    def of(
        cls,
        rows: NDArray[Any],
        codes: Codes | None = None,
        n_classes: int = 0,
        *,
        features: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> Self:
        """Of (n, d) rows or of their ``features``, read block by block; a code of -1 is an unknown class."""
        given = np.full(len(rows), -1, dtype=np.int64) if codes is None else codes
        sums: Any = 0.0
        for begin in range(0, len(rows), BLOCK_ROWS):
            block = rows[begin : begin + BLOCK_ROWS]
            belongs = (given[begin : begin + BLOCK_ROWS, None] == np.arange(-1, n_classes)).astype(block.dtype)
            if features is not None:
                block = features(placed(block, len(rows) * float(rows.shape[1]) * getattr(features, "n_features", 0)))
            sums = sums + fetched(beside(belongs.T, block) @ block).astype(np.float64)
        counts = np.bincount(given[given >= 0], minlength=n_classes).astype(np.int64)
        return cls(len(rows), sums.sum(axis=0), counts, sums[1:])

    def turned(self, matrix: NDArray[np.float64]) -> Self:
        """The sums of the rows times an (r, q) matrix."""
        return type(self)(self.n, self.total @ matrix, self.counts, self.sums @ matrix)


def joint_gap(source: ClassSums, target: ClassSums, *, balance: float = 0.5) -> NDArray[np.float64]:
    """(q, r) rows D with D'D = G' M G / |M|_F, M the joint MMD matrix over source and target rows G.

    M = (1 - balance) e e' + balance / C sum_c e_c e_c': e has 1 / n_source and -1 / n_target, e_c the same within
    class c, and C is the number of classes that both domains have. Where there are none M = e e'.

    Args:
        source: sums of the source rows.
        target: sums of the target rows, of known or guessed class.
        balance: weight of the classes, from 0 to 1.
    """
    gaps = [source.total / source.n - target.total / target.n]
    spans = [1 / source.n + 1 / target.n]  # e'e
    shared = np.flatnonzero((source.counts > 0) & (target.counts > 0)) if balance > 0 and len(target.counts) else ()
    for code in shared:
        gaps.append(source.sums[code] / source.counts[code] - target.sums[code] / target.counts[code])
        spans.append(1 / source.counts[code] + 1 / target.counts[code])
    shares = np.full(len(gaps), balance / max(len(shared), 1))
    shares[0] = 1 - balance if len(shared) else 1.0
    norm = _frobenius(np.array(spans), shares)
    return np.asarray(np.stack(gaps) * np.sqrt(shares / norm)[:, None])


def _frobenius(spans: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Norm of the sum of shares times e_c e_c': e_c'e is e'e for every class, and two classes share no row."""
    squares = np.square(shares) @ np.square(spans) + 2 * shares[0] * shares[1:].sum() * spans[0] ** 2
    return float(np.sqrt(squares))
