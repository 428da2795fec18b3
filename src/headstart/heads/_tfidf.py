"""Counts weighted by rarity, rows of unit length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Tfidf:
    """A count c weighs sign(c) log(1 + |c|) times log((1 + n) / (1 + n_with)) + 1.

    Args:
        columns: (n_columns,) those that some training row has.
        rarity: (n_columns,) their weights.

    Source: Salton and Buckley, Information Processing and Management 24 (1988).
    """

    columns: NDArray[np.int64]
    rarity: NDArray[np.float64]

    @classmethod
    def of(cls, X: Any) -> Tfidf:
        """From (n, d) training counts, dense or sparse."""
        counts = sparse(X)
        n_with = np.bincount(counts.indices[counts.data != 0], minlength=counts.shape[1])
        columns = np.flatnonzero(n_with)
        return cls(columns, np.log((1 + counts.shape[0]) / (1 + n_with[columns])) + 1)

    def __call__(self, X: Any) -> Any:
        """(n, n_columns) sparse rows of unit length."""
        from scipy.sparse import diags_array

        Z = sparse(X)[:, self.columns].astype(np.float64)
        Z.data = np.sign(Z.data) * np.log1p(np.abs(Z.data))
        Z = Z @ diags_array(self.rarity)
        length = np.sqrt(np.asarray(Z.power(2).sum(axis=1)).ravel())
        length[length == 0] = 1
        Z = (diags_array(1 / length) @ Z).tocsr()
        Z.indices, Z.indptr = Z.indices.astype(np.int32), Z.indptr.astype(np.int32)  # what LIBLINEAR takes
        return Z


def sparse(X: Any) -> Any:
    """(n, d) rows in compressed form."""
    from scipy.sparse import csr_array

    return csr_array(X)
