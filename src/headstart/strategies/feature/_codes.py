"""Class labels of two domains as codes into one list of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Codes = NDArray[np.int64]


def known_labels(y_target: Any, n: int, who: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """(n,) objects and which of them are labels: neither None nor NaN.

    Raises:
        InputError: there are not n of them.
    """
    values = list(y_target) if y_target is not None else [None] * n
    if len(values) != n:
        raise InputError(f"{who} needs y_target as long as X_target ({n}), got {len(values)}. Use None where missing.")
    labels = np.empty(n, dtype=object)
    labels[:] = values
    known = np.array([not _is_missing(value) for value in values], dtype=bool)
    return labels, known


def shared_codes(
    y_source: Any, y_target: Any, source: Any, target: Any, who: str
) -> tuple[NDArray[Any], Codes, Codes | None]:
    """The classes of both domains, sorted, the source's codes (n_source,), and the target's (n_target,).

    A missing label has the code -1. Without a single target label the last is None. A row of a multi-label target is
    the class of its set of labels.

    Raises:
        InputError: labels are numbers that are no classes, of another length, or all the same.
    """
    labels = np.asarray(y_source)
    if labels.ndim == 2:
        labels = labels[:, 0] if labels.shape[1] == 1 else np.unique(labels, axis=0, return_inverse=True)[1].ravel()
        if np.asarray(y_source).shape[1] > 1:
            y_target = None  # sets of labels are not matched across the domains
    if len(labels) != source.shape[0]:
        raise InputError(
            f"{who} needs as many labels as source rows ({source.shape[0]}), got {len(labels)}. Match them."
        )
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        raise InputError(
            f"{who} needs class labels, got the unknown label type continuous. Use an alignment without labels."
        )
    given, known = known_labels(y_target, target.shape[0], who)
    extra = (
        np.array(given[known].tolist(), dtype=object if labels.dtype == object else None) if known.any() else labels[:0]
    )
    classes = np.unique(np.concatenate([labels, extra]))
    source_codes = np.searchsorted(classes, labels).astype(np.int64)
    if len(np.unique(source_codes)) < 2:
        raise InputError(f"{who} needs source rows of at least 2 classes, got 1 class. Add rows of another class.")
    if not known.any():
        return classes, source_codes, None
    target_codes = np.full(target.shape[0], -1, dtype=np.int64)
    target_codes[known] = np.searchsorted(classes, extra)
    return classes, source_codes, target_codes


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))
