"""A fitted strategy on features in the place of a head."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


class TransferHead:
    """Speaks as heads do of an estimator that learnt from other domains too.

    Args:
        estimator: fitted to codes.
        is_number: True where it predicts numbers.
    """

    name = "transfer_head"

    def __init__(self, estimator: Any, *, is_number: bool = False) -> None:
        self.estimator, self.is_number = estimator, is_number

    def __getstate__(self) -> dict[str, Any]:
        """What is saved: without scikit-learn's routing requests, which point back at their estimator."""
        state = dict(vars(self))
        if any("_metadata_request" in vars(part) for part in _parts(self.estimator)):
            state["estimator"] = copy.deepcopy(self.estimator)
            for part in _parts(state["estimator"]):
                vars(part).pop("_metadata_request", None)
        return state

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """(n, n_outputs) probabilities of (n, d) rows, 0 for classes that training never saw; or (n,) numbers."""
        if self.is_number:
            return np.asarray(self.estimator.predict(X), dtype=np.float64)
        known = self.estimator.classes_.astype(np.int64)
        proba = np.zeros((X.shape[0], n_outputs))
        if hasattr(self.estimator, "predict_proba"):
            proba[:, known] = self.estimator.predict_proba(X)
        else:
            proba[np.arange(len(proba)), self.estimator.predict(X).astype(np.int64)] = 1.0
        return proba


def _parts(value: Any) -> Iterator[Any]:
    """The estimator and those that it holds, in containers too."""
    from sklearn.base import BaseEstimator

    if isinstance(value, BaseEstimator):
        yield value
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _parts(each)
