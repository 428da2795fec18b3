"""How much less a forest agrees with the model on target rows than on source rows."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._cross_fitting import spread_parts
from headstart.evaluation.accuracy_estimates._sides import feature_side, source_side, target_side

MOST_ROWS = 20_000
"""Rows of the source that the other model learns from; of more so many are drawn."""


@final
class Agreement:
    """Accuracy on the source times agreement on the target by agreement on the source, with another kind of model.

    Two models that err for different reasons part where either errs. Agreement on source rows is out of fold.

    Args:
        estimator: the other model, a classifier; None is a forest of 60 extremely randomised trees.
        n_folds: of the agreement on the source.
        random_state: seed of the folds and the forest.

    Attributes:
        source_agreement_: 0..1.
        target_agreement_: 0..1.

    Source: Jiang et al., Assessing Generalization of SGD via Disagreement, ICLR 2022; Baek et al.,
    Agreement-on-the-Line, NeurIPS 2022.
    """

    name: ClassVar[str] = "agreement"
    needs_features: ClassVar[bool] = True

    def __init__(self, estimator: Any = None, *, n_folds: int = 3, random_state: int = 0) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Fit the other model.

        Args:
            source_proba: (n, k) out-of-fold probabilities.
            y_source: (n,) codes.
            source_features: (n, d).
            target_features: (m, d), in the order of the probabilities to come.

        Raises:
            InputError: features are missing, there are no rows, or the arguments cannot be.
        """
        proba, codes, kept = source_side("Agreement", source_proba, y_source)
        if source_features is None or target_features is None:
            raise InputError("Agreement needs features of both sides, got none. Pass them, or take ATC.")
        source = feature_side("Agreement", source_features, kept, "source_features")
        target = feature_side("Agreement", target_features, None, "target_features")
        if source.shape[1] != target.shape[1]:
            what = f"as many columns in target_features as in source_features, got {target.shape[1]}"
            raise InputError(f"Agreement needs {what} and {source.shape[1]}. Give both the same features.")
        self._n_classes, predicted = proba.shape[1], proba.argmax(axis=1)
        self._own = float(np.mean(predicted == codes))
        rows = np.arange(len(codes))
        if len(rows) > MOST_ROWS:
            rows = np.random.default_rng(self.random_state).choice(len(rows), MOST_ROWS, replace=False)
        self._fit_other(source[rows], codes[rows], predicted[rows], target)
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on the target rows with (m, k) probabilities; rows of NaN are left out.

        Raises:
            InputError: there are as many rows of features as of neither the given nor the known probabilities.
        """
        proba = target_side("Agreement", target_proba, self._n_classes)
        kept: NDArray[np.bool_] = np.asarray(~np.isnan(np.asarray(target_proba, dtype=np.float64)).all(axis=1))
        if len(self._predicted) not in (len(kept), len(proba)):
            what = f"one row of target_features a row of probabilities, got {len(self._predicted)} for {len(kept)}"
            raise InputError(f"Agreement needs {what}. Give both in the same order.")
        other = self._predicted[kept] if len(self._predicted) == len(kept) else self._predicted
        self.target_agreement_ = float(np.mean(other == proba.argmax(axis=1)))
        if not self.source_agreement_:
            return self._own
        return float(min(1.0, self._own * self.target_agreement_ / self.source_agreement_))

    def _fit_other(self, source: Any, codes: NDArray[np.int64], predicted: NDArray[np.int64], target: Any) -> None:
        from sklearn.base import clone
        from sklearn.ensemble import ExtraTreesClassifier

        model = ExtraTreesClassifier(60, random_state=self.random_state) if self.estimator is None else self.estimator
        part = spread_parts(codes, max(2, min(self.n_folds, len(codes))), self.random_state)
        said = np.full(len(codes), -1, dtype=np.int64)
        for fold in range(int(part.max()) + 1):
            train, valid = part != fold, part == fold
            if valid.any() and train.any():
                said[valid] = clone(model).fit(source[train], codes[train]).predict(source[valid])
        self.source_agreement_ = float(np.mean(said[said >= 0] == predicted[said >= 0])) if (said >= 0).any() else 0.0
        self._predicted = np.asarray(clone(model).fit(source, codes).predict(target))
