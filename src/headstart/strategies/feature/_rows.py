"""Rows of one domain, checked once: dense or compressed, finite, float32 where they came so."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor

DENSE_ELEMENTS = 2**28
"""Largest sparse matrix that is made dense: 2 GB in float64."""


def checked_rows(X: Any, who: str, what: str, *, keeps_sparse: bool = False, min_rows: int = 1) -> Any:
    """(n, d) float32 or float64 rows; a float32 array is not copied, nothing is ever changed.

    Raises:
        InputError: not two-dimensional, too few rows, no columns, not finite, or too large to be made dense.
    """
    from scipy.sparse import issparse

    if issparse(X):
        rows: Any = X.tocsr()
        if rows.dtype not in (np.float32, np.float64):
            rows = rows.astype(np.float64)
        _check_finite(rows.data, who, what)
        _check_shape(rows, who, what, min_rows)
        return rows if keeps_sparse else dense_rows(rows, who)
    rows = _array(X, who, what)
    _check_shape(rows, who, what, min_rows)
    _check_finite(rows, who, what)
    return rows


def dense_rows(rows: Any, who: str) -> Any:
    """A sparse matrix as an array.

    Raises:
        InputError: it would take more than :data:`DENSE_ELEMENTS` numbers.
    """
    n, d = rows.shape
    if n * d > DENSE_ELEMENTS:
        raise InputError(
            f"{who} needs dense rows, got a sparse matrix of {n:,} x {d:,}. "
            "Use FeatureAugmentation, which keeps rows sparse, or reduce the columns with TruncatedSVD."
        )
    return rows.toarray()


def _array(X: Any, who: str, what: str) -> Any:
    if X is None:
        raise InputError(f"{who} needs rows as {what}, got None. Pass an array (n, d).")
    try:
        found = np.asarray(from_tensor(X))
        if found.dtype not in (np.float32, np.float64):
            found = found.astype(np.float64)
    except (TypeError, ValueError) as reason:
        raise InputError(f"{who} needs numbers in {what}, got {type(X).__name__}: {reason}. Encode them.") from None
    if found.ndim != 2:
        raise InputError(f"{who} needs {what} as an array (n, d), got shape {found.shape}. Reshape it.")
    return found


def _check_shape(rows: Any, who: str, what: str, min_rows: int) -> None:
    n, d = rows.shape
    if n < min_rows:
        raise InputError(f"{who} needs at least {min_rows} rows in {what}, got n_samples = {n}. Add rows.")
    if d < 1:
        raise InputError(f"{who} needs at least 1 column in {what}, got 0 feature(s) (shape=({n}, 0)). Add columns.")


def _check_finite(values: Any, who: str, what: str) -> None:
    if not np.isfinite(values.sum(dtype=np.float64)) and not np.isfinite(values).all():
        raise InputError(f"{who} needs finite numbers in {what}, got NaN or inf. Fill them or drop these rows.")
