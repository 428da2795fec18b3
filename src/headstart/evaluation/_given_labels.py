"""The labels of source rows, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError


def given_labels(who: str, X: Any, y: Any) -> NDArray[Any]:
    """(n,) targets of the source rows.

    Raises:
        InputError: there are none, or not one a row.
    """
    if y is None:
        raise InputError(f"{who} needs the targets of the source rows, got None. Pass y.")
    found = np.asarray(y)
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if found.shape != (n,) or n == 0:
        raise InputError(f"{who} needs one target for each of {n} rows, got shape {found.shape}. Pass X and y alike.")
    return found
