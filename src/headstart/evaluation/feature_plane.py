"""Features laid out in the plane, for looking at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

MAX_ROWS = 1000
"""More points than this only hide each other."""
FEWEST_ROWS = 30
"""With fewer there are no neighbourhoods to keep, and PCA shows all there is."""


def feature_plane(
    features: NDArray[Any], codes: NDArray[Any], *, random_state: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64], str]:
    """Positions of up to 1,000 rows: PCA to 50 dimensions, then t-SNE; PCA alone for fewer than 30 rows.

    Args:
        features: (n, d).
        codes: (n,) classes; of more rows than are shown each class gives its share, at least one.
        random_state: seed of the rows that are shown and of t-SNE.

    Returns:
        (m, 2) positions, their (m,) row numbers, ascending, and the name of the method.

    Raises:
        InputError: there is not one code a row.

    Source: van der Maaten and Hinton, Visualizing Data using t-SNE, JMLR 9 (2008).
    """
    if len(features) != len(codes):
        raise InputError(f"feature_plane needs one code a row, got {len(codes)} for {len(features)}. Give both alike.")
    rows = _shown_rows(np.asarray(codes), np.random.default_rng(random_state))
    chosen = np.asarray(features, dtype=np.float32)[rows].astype(np.float64)
    chosen -= chosen.mean(axis=0) if len(rows) else 0.0
    is_flat = not np.abs(chosen).max(initial=0.0) > 1e-12
    if len(rows) < FEWEST_ROWS or is_flat or min(chosen.shape) < 3:
        return _principal_plane(chosen), rows, "PCA"
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n_axes = min(50, *chosen.shape)
    solver = "randomized" if min(chosen.shape) > 100 else "full"
    axes = PCA(n_axes, svd_solver=solver, random_state=random_state).fit_transform(chosen)
    neighbours = min(30.0, (len(rows) - 1) / 4)
    plane = TSNE(perplexity=neighbours, init="pca", random_state=random_state, max_iter=500).fit_transform(axes)
    return np.asarray(plane, dtype=np.float64), rows, "t-SNE"


def _shown_rows(codes: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each class's share of the rows that are shown; nothing is left out where there are few."""
    if len(codes) <= MAX_ROWS:
        return np.arange(len(codes))
    place = np.empty(len(codes))
    for code in np.unique(codes):
        own = rng.permutation(np.flatnonzero(codes == code))
        place[own] = (np.arange(len(own)) + 0.5 * (np.arange(len(own)) > 0)) / len(own)
    return np.sort(np.argsort(place, kind="stable")[:MAX_ROWS])


def _principal_plane(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) the first two principal components; zeros where there are fewer."""
    plane = np.zeros((len(centred), 2))
    if centred.size:
        left, strength, _ = np.linalg.svd(centred, full_matrices=False)
        n_axes = min(2, len(strength))
        plane[:, :n_axes] = left[:, :n_axes] * strength[:n_axes]
    return plane
