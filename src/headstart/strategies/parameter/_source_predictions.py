"""What a source model says of rows, whatever kind of model it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

LEAST = 1e-6
"""Smallest probability whose logarithm is taken."""
FORMS = ("log", "plain")


def predictions(who: str, source: Any, X: Any, form: str) -> NDArray[np.float64]:
    """(n, k) predictions of a fitted model.

    Args:
        who: for messages.
        source: a regressor; or a classifier with ``predict_proba`` or ``decision_function``.
        X: n rows as the source takes them.
        form: "log": logarithms of probabilities, mean 0 in each row; "plain": probabilities.

    Raises:
        InputError: the classifier gives neither probabilities nor scores.
    """
    from sklearn.base import is_regressor

    if is_regressor(source):
        found = source.predict(X)
    elif hasattr(source, "predict_proba"):
        found = np.asarray(source.predict_proba(X), dtype=np.float64)
        if form == "log":
            found = np.log(np.maximum(found, LEAST))
            found = found - found.mean(axis=1, keepdims=True)
    elif hasattr(source, "decision_function"):
        found = source.decision_function(X)
    else:
        raise InputError(
            f"{who} needs a source with predict_proba or decision_function, got {type(source).__name__}. Take another."
        )
    values = np.asarray(found, dtype=np.float64)
    return values.reshape(len(values), -1)


def is_fitted(source: Any) -> bool:
    """True for an estimator that was fitted, frozen or not, and for what is no estimator, such as a loaded model."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not hasattr(source, "__sklearn_tags__"):
        return True
    try:
        check_is_fitted(source)
    except NotFittedError:
        return False
    return True


def is_raw(X: Any) -> bool:
    """True for raw examples (texts, paths, pictures), which only the source can read; False for rows of numbers."""
    if hasattr(X, "dtype"):
        return X.ndim == 1 and X.dtype.kind in "OUS"
    if hasattr(X, "iloc") or not isinstance(X, (list, tuple)) or not X:
        return False
    return not isinstance(X[0], (int, float, np.number)) and not _is_row(X[0])


def _is_row(example: Any) -> bool:
    return isinstance(example, (list, tuple, np.ndarray)) and np.ndim(example) == 1
