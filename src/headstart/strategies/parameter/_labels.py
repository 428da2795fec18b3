"""Labels and weights of a classifier on raw examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError


def class_codes(who: str, y: Any, n: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The sorted classes, and (n,) codes into them.

    Raises:
        InputError: not one label an example, a missing label, labels that do not sort, or fewer than two classes.
    """
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise InputError(f"{who} needs one label an example, got labels of shape {labels.shape} for {n}. Pass (n,).")
    missing = [row for row, label in enumerate(labels.tolist()) if label is None or label != label]
    if missing:
        raise InputError(f"{who} needs a label for every example, got none for example {missing[0]}. Leave it out.")
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise InputError(f"{who} needs labels of one type, got {labels[:3].tolist()!r}. Make them strings.") from error
    if len(classes) < 2:
        raise InputError(f"{who} needs at least 2 classes, got {len(classes)} class. Add examples of another class.")
    return classes, codes.astype(np.int64)


def loss_weights(who: str, sample_weight: Any, n: int) -> NDArray[np.float32] | None:
    """(n,) weights with mean 1, or None.

    Raises:
        InputError: not one finite weight an example, a negative one, or all 0.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise InputError(f"{who} needs one weight of at least 0 an example, got others. Correct sample_weight.")
    return np.asarray(weights / weights.mean(), dtype=np.float32)
