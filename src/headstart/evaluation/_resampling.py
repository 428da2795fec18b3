"""Resample rows, or whole groups of them, by drawing how often each kind occurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_terms import RowTerms

BLOCK_CELLS = 4_000_000
"""Counts held at once, so that memory stays flat."""

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn: rows or groups, those that are alike counted together.

    Drawing n units with replacement is drawing multinomial counts of their kinds, so the work grows with the number
    of different units and not with the number of rows.

    Args:
        table: (n_kinds, n_terms) what one unit of a kind adds to the sums.
        counts: (n_kinds,) how many units there are of it.
    """

    table: Float
    counts: NDArray[np.int64]

    @property
    def n(self) -> int:
        """How many units there are."""
        return int(self.counts.sum())

    def resampled_sums(self, n_resamples: int, random_state: int) -> Iterator[Float]:
        """Blocks of (r, n_terms) sums over resamples, ``n_resamples`` in all."""
        rng = np.random.default_rng(random_state)
        n, n_kinds = self.n, len(self.counts)
        has_few_kinds = 4 * n_kinds <= n
        width = n_kinds if has_few_kinds else n
        block = max(1, BLOCK_CELLS // max(1, width))
        units = None if has_few_kinds else np.repeat(np.arange(n_kinds), self.counts)
        for begin in range(0, n_resamples, block):
            size = min(block, n_resamples - begin)
            if units is None:
                drawn = rng.multinomial(n, self.counts / n, size=size)
            else:
                cells = (
                    rng.integers(0, n, size=(size, n), dtype=np.int32)
                    if n_kinds == n
                    else rng.integers(0, n, (size, n))
                )
                kinds = cells if n_kinds == n else units[cells]
                flat = (kinds + np.arange(size)[:, None] * n_kinds).ravel()
                drawn = np.bincount(flat, minlength=size * n_kinds).reshape(size, n_kinds)
            yield drawn.astype(np.float64) @ self.table

    def jackknife_sums(self) -> Float:
        """(n_kinds, n_terms) sums without one unit of each kind."""
        total: Float = self.counts.astype(np.float64) @ self.table
        return total - self.table


def units_of(terms: RowTerms, groups: Any) -> Units:
    """The units of (n,) rows, or of their (n,) groups."""
    if groups is None:
        counts = np.bincount(terms.index, minlength=len(terms.table))
        return Units(terms.table, counts)
    number = np.unique(np.asarray(groups), return_inverse=True)[1]
    columns = [np.bincount(number, weights=column[terms.index]) for column in terms.table.T]
    sums = np.stack(columns, axis=1).astype(np.float64)  # (n_groups, n_terms)
    if len(terms.table) == len(terms.index):  # rows that hardly ever repeat
        return Units(sums, np.ones(len(sums), dtype=np.int64))
    table, counts = np.unique(sums, axis=0, return_counts=True)
    return Units(table, counts)


def paired_terms(first: RowTerms, second: RowTerms) -> RowTerms:
    """Both sides' terms side by side, so that a resample is the same for both."""
    cells, index = np.unique(first.index * len(second.table) + second.index, return_inverse=True)
    one, other = np.divmod(cells, len(second.table))
    return RowTerms(index, np.hstack([first.table[one], second.table[other]]))
