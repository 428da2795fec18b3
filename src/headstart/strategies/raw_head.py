"""A strategy on raw examples in the place of a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.members import Members

RAW_STRATEGIES = Members(
    "headstart.strategies.parameter", "strategy", among=("fine_tune", "head2toe", "table_transfer", "text_lstm")
)
"""Estimators that take raw examples."""


class RawHead:
    """Speaks as heads do: codes in, probabilities of all classes out.

    Args:
        strategy: a name of :data:`RAW_STRATEGIES`.
        settings: of the estimator.
        modality: the kind of example.
    """

    name = "raw_head"

    def __init__(self, strategy: str, settings: Mapping[str, Any], modality: str) -> None:
        self.strategy, self.settings, self.modality = strategy, dict(settings), modality

    def fit(self, X: Sequence[Any], y: NDArray[np.int64]) -> Self:
        """Train on n raw examples and (n,) codes."""
        self.estimator_ = RAW_STRATEGIES.make(self.strategy, **self.settings)
        self.estimator_.fit(self._examples(X), np.asarray(y))
        return self

    def outputs(self, X: Sequence[Any], n_outputs: int) -> NDArray[np.float64]:
        """(n, n_outputs) probabilities; 0 for classes that training never saw."""
        proba = np.zeros((len(X), n_outputs))
        if len(X):
            proba[:, self.estimator_.classes_] = self.estimator_.predict_proba(self._examples(X))
        return proba

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The fitted estimator as JSON-able settings and plain arrays; undone by :meth:`from_state`."""
        info, arrays = self.estimator_.to_state()
        return {"strategy": self.strategy, "modality": self.modality, "estimator": info}, arrays

    @classmethod
    def from_state(cls, info: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """What :meth:`to_state` described."""
        head = cls(info["strategy"], {}, info["modality"])
        head.estimator_ = RAW_STRATEGIES.class_of(info["strategy"]).from_state(info["estimator"], arrays)
        return head

    def _examples(self, X: Sequence[Any]) -> Any:
        """As the estimator takes them: strings for texts, a DataFrame for rows of a table."""
        if self.modality == "text":
            from headstart.data.text_file import text_of

            return [text_of(source) for source in X]
        if self.modality == "table":
            import pandas as pd

            return pd.DataFrame(list(X))
        return list(X)
