"""Rows of two domains, checked, and on one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Rows = NDArray[Any]


def checked_rows(who: str, source: Any, target: Any, *, fewest: int = 2) -> tuple[Rows, Rows]:
    """(n, d) and (m, d) finite rows.

    Raises:
        InputError: too few rows, different numbers of columns, NaN, or no numbers.
    """
    first, second = _table(who, source, "the source"), _table(who, target, "the target")
    if first.shape[1] != second.shape[1]:
        what = f"{who} needs as many columns in the target as in the source, got {second.shape[1]} and"
        raise InputError(f"{what} {first.shape[1]}. Give both the same features.")
    for rows, name in ((first, "the source"), (second, "the target")):
        if len(rows) < fewest:
            raise InputError(f"{who} needs {fewest} rows or more in {name}, got {len(rows)}. Add rows.")
        if not np.isfinite(rows).all():
            raise InputError(f"{who} needs finite numbers in {name}, got NaN or infinity. Fill in or leave out those.")
    return first, second


def scaled_together(who: str, source: Rows, target: Rows) -> Rows:
    """(n + m, d') both domains one below the other; each column of mean 0 and spread 1, constant ones left out.

    Raises:
        InputError: every column is constant.
    """
    together = np.concatenate([source, target]).astype(np.float64)
    spread = together.std(axis=0)
    varies = spread > 1e-12 * np.maximum(1.0, np.abs(together).max(axis=0))
    if not varies.any():
        raise InputError(f"{who} needs a column that varies, got {together.shape[1]} constant ones. Add features.")
    return np.asarray((together[:, varies] - together[:, varies].mean(axis=0)) / spread[varies])


def drawn(rows: Rows, most: int, random_state: int) -> Rows:
    """The rows, or ``most`` of them drawn without replacement."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.random.default_rng(random_state).choice(len(rows), most, replace=False)])


def _table(who: str, rows: Any, name: str) -> Rows:
    values: Rows = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        what = f"shape {values.shape} of {values.dtype}"
        raise InputError(f"{who} needs (n, d) numbers in {name}, got {what}. Encode the examples first.")
    return values if values.dtype == np.float32 else values.astype(np.float64)
