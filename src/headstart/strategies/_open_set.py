"""Classes that the target has and the source lacks: told, not hidden."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np


class UnseenClassWarning(UserWarning):
    """A class stands among the target's labels alone."""


def tell_unseen_classes(who: str, y: Any, labels: Any) -> list[Any]:
    """Classes among the target's labels that the source's (n,) targets lack; a warning names them.

    Rows of several labels, and numbers that are no classes, have none.

    Args:
        who: whose name stands in the warning.
        y: (n,) targets of the source.
        labels: (m,) known labels of the target.
    """
    given = np.asarray(y)
    if given.ndim != 1 or np.ndim(labels) != 1 or any(np.ndim(label) for label in labels):
        return []
    known = set(given.tolist())
    unseen = sorted({label for label in np.asarray(labels).tolist() if label not in known}, key=str)
    if unseen:
        told = f"{who} needs classes that the source has, got {unseen} among the target's labels alone"
        warnings.warn(f"{told}. Label source rows of them, or more target rows.", UnseenClassWarning, stacklevel=4)
    return unseen
