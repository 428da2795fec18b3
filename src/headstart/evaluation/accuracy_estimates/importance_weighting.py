"""The source's accuracy on rows that are weighted to look like the target."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np

from headstart.errors import InputError
from headstart.evaluation._cross_fitting import effective_sample_size, target_probabilities
from headstart.evaluation.accuracy_estimates._sides import Float, feature_side, source_side, target_side


@final
class ImportanceWeighting:
    """Self-normalised mean of being right, weighted by p(target | x) / p(source | x) of a cross-fitted classifier.

    Right under covariate shift with overlapping domains; where they hardly overlap a few rows carry everything, which
    the effective sample size tells. Without features the domains are told apart by the logarithms of probabilities.

    Args:
        classifier: that tells the domains apart, with ``predict_proba``; None is logistic regression.
        n_folds: of the cross-fitting.
        random_state: seed of the folds.

    Attributes:
        weights_: (n,) of the source rows that have probabilities, mean 1.
        effective_sample_size_: how many equal rows carry as much.

    Source: Sugiyama, Krauledat and Mueller, JMLR 8 (2007); self-normalised as in Owen, Monte Carlo theory (2013).
    """

    name: ClassVar[str] = "importance_weighting"
    needs_features: ClassVar[bool] = True

    def __init__(self, classifier: Any = None, *, n_folds: int = 5, random_state: int = 0) -> None:
        self.classifier = classifier
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Weigh the source rows.

        Args:
            source_proba: (n, k) out-of-fold probabilities.
            y_source: (n,) codes.
            source_features: (n, d), or None.
            target_features: (m, d), or None.

        Raises:
            InputError: there are no rows, the arguments cannot be, or features are given of one side only.
        """
        proba, codes, kept = source_side("ImportanceWeighting", source_proba, y_source)
        if (source_features is None) != (target_features is None):
            raise InputError("ImportanceWeighting needs features of both sides or of none, got one. Pass both.")
        self._proba, self._is_right = proba, proba.argmax(axis=1) == codes
        self._is_by_features = source_features is not None
        if self._is_by_features:
            source = feature_side("ImportanceWeighting", source_features, kept, "source_features")
            target = feature_side("ImportanceWeighting", target_features, None, "target_features")
            if source.shape[1] != target.shape[1]:
                what = f"as many columns in target_features as in source_features, got {target.shape[1]} and"
                raise InputError(f"ImportanceWeighting needs {what} {source.shape[1]}. Give both the same features.")
            self._weigh(source, target)
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on rows with (m, k) probabilities."""
        proba = target_side("ImportanceWeighting", target_proba, self._proba.shape[1])
        if not self._is_by_features:
            self._weigh(_logarithms(self._proba), _logarithms(proba))
        return float(np.average(self._is_right, weights=self.weights_))

    def _weigh(self, source: Any, target: Any) -> None:
        if min(len(source), len(target)) < 2:
            what = f"got {len(source)} and {len(target)}"
            raise InputError(f"ImportanceWeighting needs 2 rows of source and target or more, {what}. Add rows.")
        settings = {"classifier": self.classifier, "n_folds": self.n_folds, "random_state": self.random_state}
        proba, _ = target_probabilities(source, target, **settings)
        ratio = proba / (1 - proba)
        self.weights_ = ratio / ratio.mean()
        self.effective_sample_size_ = effective_sample_size(ratio)


def _logarithms(proba: Float) -> Float:
    return np.asarray(np.log(np.clip(proba, 1e-6, None)))
