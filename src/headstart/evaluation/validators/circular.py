"""Circular validation: what a model says of the target must teach another one the source."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np

from headstart.evaluation._given_labels import given_labels
from headstart.evaluation._row_order import content_order
from headstart.evaluation.model_outputs import last_step, predictions
from headstart.evaluation.validators._validator import Estimate, Validator


class Circular(Validator):
    """Accuracy on source rows of a clone that learnt target rows with the model's labels, and adapts back.

    Of a regressor it is minus the mean squared error. Of a pipeline the last step goes back, on rows as it sees them.

    Args:
        X_target: (n_target, d) rows of the target.
        max_rows: rows of each domain that are drawn at most.
        random_state: seed of the draw.

    Source: Zhong, Fan, Yang, Verscheure and Ren, Cross Validation Framework to Choose amongst Models and Datasets for
    Transfer Learning, ECML PKDD 2010; Bruzzone and Marconcini, Domain Adaptation Problems: A DASVM Classification
    Technique and a Circular Validation Strategy, IEEE TPAMI 32 (2010).
    """

    name: ClassVar[str] = "circular"

    def __init__(self, X_target: Any, *, max_rows: int = 10_000, random_state: int | None = 0) -> None:
        super().__init__(X_target, random_state=random_state)
        self._positive(max_rows=max_rows)
        self.max_rows = max_rows

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        from sklearn.base import clone
        from sklearn.utils import _safe_indexing

        y = given_labels(self.name, X, y)
        kept = content_order(X, self.random_state)[: self.max_rows]
        head, source = last_step(estimator, _safe_indexing(X, kept))
        _, target = last_step(estimator, self._target(self.max_rows))
        labels, y = predictions(head, target, is_target=True), y[kept]
        if hasattr(head, "classes_") and len(np.unique(labels)) == 1:
            return Estimate.of_rows(y == labels[0])  # nothing to learn: the one class for every row
        takes_target = "X_target" in inspect.signature(head.fit).parameters
        adapts = takes_target and getattr(head, "adapted_", True)
        back = clone(head).fit(target, labels, **({"X_target": source} if adapts else {}))
        told = predictions(back, source, is_target=True)
        return Estimate.of_rows(told == y if hasattr(head, "classes_") else -np.square(told - y))
