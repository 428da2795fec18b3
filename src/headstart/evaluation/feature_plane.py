"""Features laid out in the plane, for looking at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_ROWS = 1500


def feature_plane(
    features: NDArray[np.float32], codes: NDArray[np.int64], *, random_state: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64], str]:
    """Positions of up to 1,500 rows: PCA to 50 dimensions, then t-SNE; PCA alone for fewer than 30 rows.

    Returns:
        (m, 2) positions, their (m,) row numbers, and the name of the method.

    Source: van der Maaten and Hinton, Visualizing Data using t-SNE (2008).
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rng = np.random.default_rng(random_state)
    rows = np.sort(rng.permutation(len(features))[:MAX_ROWS])
    chosen = np.asarray(features[rows], dtype=np.float64)
    chosen = chosen - chosen.mean(0)
    n_axes = min(50, *chosen.shape)
    flat = PCA(n_axes, svd_solver="randomized" if min(chosen.shape) > 100 else "full", random_state=0).fit_transform(
        chosen
    )
    if len(rows) < 30 or n_axes < 3:
        plane = flat[:, :2] if flat.shape[1] > 1 else np.column_stack([flat[:, 0], np.zeros(len(flat))])
        return plane, rows, "PCA"
    perplexity = min(30.0, (len(rows) - 1) / 4)
    plane = TSNE(perplexity=perplexity, init="pca", random_state=random_state, max_iter=500).fit_transform(flat)
    return np.asarray(plane, dtype=np.float64), rows, "t-SNE"
