"""The graph of nearest neighbours, and its Laplacian."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cosine_laplacian(rows: NDArray[Any], n_neighbours: int) -> Any:
    """(n, n) sparse I - D^-1/2 W D^-1/2, W the cosine of two rows where one is among the other's nearest, else 0.

    Args:
        rows: (n, d) rows; the cosine of a zero row with any other is 0.
        n_neighbours: how many neighbours a row has, itself left out.

    Source: Belkin, Niyogi and Sindhwani, Manifold Regularization, JMLR 7 (2006); the cosine weights are those of MEDA.
    """
    from scipy.sparse import csr_array, diags_array, eye_array
    from sklearn.neighbors import NearestNeighbors

    n = len(rows)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1)
    k = min(n_neighbours, n - 1)
    found = NearestNeighbors(n_neighbors=k).fit(unit).kneighbors(return_distance=False)  # (n, k), each without itself
    begin = np.repeat(np.arange(n), k)
    near = [np.einsum("ij,ij->i", unit, unit[found[:, j]]) for j in range(k)]
    values = np.stack(near, axis=1).ravel()  # one neighbour at a time: (n, d) is the most that is held
    one_way = csr_array((np.maximum(values, 0).astype(np.float64), (begin, found.ravel())), shape=(n, n))
    weights = one_way.maximum(one_way.T)
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    roots = diags_array(1 / np.sqrt(np.where(degrees > 0, degrees, 1)))
    return (eye_array(n) - roots @ weights @ roots).tocsr()
