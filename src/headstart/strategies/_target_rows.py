"""Target rows and their labels as estimators that judge strategies take them: checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.feature._codes import known_labels
from headstart.strategies.feature._rows import checked_rows
from headstart.strategies.unlabelled import target_rows


def checked_target(estimator: Any, X_target: Any, y_target: Any) -> tuple[Any, NDArray[Any], NDArray[np.bool_]] | None:
    """(n_target, d) rows, (n_target,) objects and which of them are labels; None where there are no rows.

    Args:
        estimator: whose ``n_features_in_`` is known; its name stands in errors.
        X_target: rows, perhaps in an ``Unlabelled``, or None.
        y_target: labels, None where missing, perhaps in an ``Unlabelled``; or None.

    Raises:
        InputError: rows that are not finite, of other columns, none, or labels that do not fit them.
    """
    from sklearn.utils.validation import validate_data

    who, X_target, y_target = type(estimator).__name__, target_rows(X_target), target_rows(y_target)
    if X_target is None:
        if y_target is not None:
            raise InputError(f"{who} needs X_target along with y_target, got None. Pass the rows of these labels.")
        return None
    if hasattr(X_target, "columns") and len(X_target.columns) == estimator.n_features_in_:
        validate_data(estimator, X_target, reset=False, skip_check_array=True)  # names, and their order
    rows = checked_rows(X_target, who, "X_target", keeps_sparse=True)
    if rows.shape[1] != estimator.n_features_in_:
        what = f"{who} needs {estimator.n_features_in_} columns in X_target as in X, got {rows.shape[1]}"
        raise InputError(f"{what}. Name the same.")
    labels, known = known_labels(y_target, rows.shape[0], who)
    return rows, labels, known
