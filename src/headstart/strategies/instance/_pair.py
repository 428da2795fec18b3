"""The two domains as a weighting sees them: checked, and in an order that their content decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor

LARGEST_DENSE = 100_000_000
"""Numbers up to which sparse rows are made dense for a method that needs that."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Source and target rows of one width and one float type.

    Rows are sorted along a fixed random direction, so that whatever is drawn from them does not hang on the order in
    which they came.

    Args:
        source: (n_source, d) rows.
        target: (n_target, d) rows.
        y_source: (n_source,) targets of source rows, or None.
        y_target: (n_target,) object array, None where the label is missing; or None.
        source_order: (n_source,) which of the given rows each source row is.
    """

    source: Any
    target: Any
    y_source: NDArray[Any] | None
    y_target: NDArray[Any] | None
    source_order: NDArray[np.int64]

    @property
    def n_source(self) -> int:
        """Number of source rows."""
        return int(self.source.shape[0])

    @property
    def n_target(self) -> int:
        """Number of target rows."""
        return int(self.target.shape[0])

    def as_given(self, values: NDArray[Any]) -> NDArray[Any]:
        """(n_source,) values of source rows, in the order in which these came."""
        result = np.empty_like(values)
        result[self.source_order] = values
        return result

    def codes(self, who: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """(n_source,) class codes, and the classes.

        Raises:
            InputError: source labels are missing, are no class labels, or are all the same.
        """
        from sklearn.utils.multiclass import type_of_target

        if self.y_source is None:
            raise InputError(f"{who} needs the labels of source rows, got none. Pass y_source.")
        labels = self.y_source.ravel() if self.y_source.size == self.n_source else self.y_source
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise InputError(f"{who} needs class labels, got NaN or inf among them. Leave those rows out.")
        kind = type_of_target(labels)
        if kind not in ("binary", "multiclass"):
            told = "Unknown label type" if kind == "unknown" else f"{kind!r} targets"
            raise InputError(f"{who} needs class labels, got: {told}. Take KMM for other targets.")
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise InputError(f"{who} needs at least 2 classes in the source, got 1 class. Take KMM, or add examples.")
        return codes.astype(np.int64), classes


def check_pair(
    who: str, X_source: Any, X_target: Any, y_source: Any = None, y_target: Any = None, *, accepts_sparse: bool = False
) -> Pair:
    """Both domains as a :class:`Pair`; what was passed is copied, never changed.

    Raises:
        InputError: no rows, different numbers of columns or rows, NaN, or sparse rows too many to make dense.
    """
    source = _rows(who, X_source, "X_source", accepts_sparse)
    target = _rows(who, X_target, "X_target", accepts_sparse)
    if source.shape[1] != target.shape[1]:
        what = f"{who} needs as many columns in X_target as in X_source, got {target.shape[1]} and {source.shape[1]}"
        raise InputError(f"{what}. Give both the same features.")
    if target.dtype != source.dtype:
        target = target.astype(source.dtype)
    of_source, of_target = _order(source), _order(target)
    y_source = None if y_source is None else _targets(who, y_source, "y_source", source.shape[0])[of_source]
    y_target = None if y_target is None else _targets(who, y_target, "y_target", target.shape[0])[of_target]
    return Pair(source[of_source], target[of_target], y_source, y_target, of_source)


def is_missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) True where a label is None or a NaN."""
    return np.array(
        [label is None or (isinstance(label, float) and label != label) for label in labels.tolist()], dtype=bool
    )


def _rows(who: str, X: Any, name: str, accepts_sparse: bool) -> Any:
    from scipy.sparse import issparse
    from sklearn.utils import check_array

    X = from_tensor(X)
    if X is None or (hasattr(X, "shape") and len(X.shape) == 2 and X.shape[0] == 0) or (isinstance(X, list) and not X):
        raise InputError(f"{who} needs rows in {name}, got none. Pass at least one.")
    if issparse(X) and not accepts_sparse and X.shape[0] * X.shape[1] > LARGEST_DENSE:
        what = f"{who} needs dense rows, got a sparse {name} of {X.shape[0]} x {X.shape[1]}"
        raise InputError(f"{what}, too large to make dense. Take Discriminative with a classifier for sparse rows.")
    if issparse(X) and not accepts_sparse:
        X = X.toarray()
    rows = check_array(X, dtype=[np.float64, np.float32], accept_sparse="csr", ensure_all_finite=False, input_name=name)
    if not np.isfinite(rows.data if issparse(rows) else rows).all():
        raise InputError(f"{who} needs finite numbers in {name}, got NaN or infinity. Fill in or leave out those rows.")
    return rows


def _targets(who: str, y: Any, name: str, n: int) -> NDArray[Any]:
    values: NDArray[Any] = np.asarray(from_tensor(y))
    if values.ndim == 0 or len(values) != n:
        got = len(values) if values.ndim else "a single value"
        raise InputError(f"{who} needs {name} of {n} values, one a row, got {got}. Use None for a missing label.")
    return values


def _order(X: Any) -> NDArray[np.int64]:
    direction = np.random.default_rng(0).standard_normal(X.shape[1])
    return np.argsort(np.asarray(X @ direction.astype(X.dtype)), kind="stable").astype(np.int64)
