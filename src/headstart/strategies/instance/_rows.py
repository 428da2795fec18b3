"""Rows of any kind (arrays, sparse matrices, data frames, lists): stacked, and told from missing labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.instance._pair import is_missing


def stacked(X: Any, more: Any) -> Any:
    """The rows of ``X``, then those of ``more``, in the kind of ``X``."""
    from scipy.sparse import issparse, vstack

    if issparse(X) or issparse(more):
        return vstack([X, more]).tocsr()
    if hasattr(X, "iloc") and hasattr(more, "iloc"):
        from pandas import concat

        return concat([X, more], ignore_index=True)
    return np.concatenate([np.asarray(X), np.asarray(more)])


def joined_labels(y: Any, labels: NDArray[Any]) -> NDArray[Any]:
    """(n + m,) targets of ``y`` and then of (m,) labels, in the type of ``y``.

    Raises:
        InputError: one side is text, the other is not.
    """
    from sklearn.utils import column_or_1d

    y, more = np.asarray(y), np.array(labels.tolist())
    if y.ndim == 2 and more.ndim == 1:
        y = column_or_1d(y, warn=True)
    if (y.dtype.kind in "US") != (more.dtype.kind in "US") and y.dtype != object:
        what = f"y_target needs labels like those of y, got {more.dtype} and {y.dtype}"
        raise InputError(f"{what}. Give both the same names.")
    return np.concatenate([y, more.astype(object) if y.dtype == object else more])


def labelled_rows(who: str, y_target: Any, n_target: int) -> NDArray[np.int64]:
    """Positions of the target rows whose label is known.

    Raises:
        InputError: there are not as many labels as rows.
    """
    if y_target is None:
        return np.empty(0, dtype=np.int64)
    labels: NDArray[Any] = np.asarray(y_target)
    if labels.ndim == 0 or len(labels) != n_target:
        got = len(labels) if labels.ndim else "a single value"
        raise InputError(
            f"{who} needs y_target of {n_target} values, one a row, got {got}. Use None for a missing label."
        )
    return np.flatnonzero(~is_missing(labels)).astype(np.int64)


def n_rows(X: Any) -> int:
    """How many rows there are."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(np.asarray(X))


def as_rows(X: Any) -> Any:
    """Arrays and data frames as they are, sparse matrices by rows, anything else as an array."""
    if hasattr(X, "tocsr"):
        return X.tocsr()
    return X if hasattr(X, "shape") else np.asarray(X)
