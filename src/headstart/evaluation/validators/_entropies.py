"""Shannon entropy of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def entropies(chances: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) entropies in nats of (n, k) probabilities; 0 log 0 is 0.

    >>> entropies(np.array([[1.0, 0.0], [0.5, 0.5]])).round(4).tolist()
    [0.0, 0.6931]
    """
    positive = np.maximum(chances.astype(np.float64), np.finfo(np.float64).tiny)
    return np.asarray(-np.sum(positive * np.log(positive), axis=1) + 0.0)
