"""The source's accuracy by class, weighted by the target's estimated shares of classes."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np

from headstart.evaluation.accuracy_estimates._sides import source_side, target_side
from headstart.evaluation.two_sample.label_shift import label_shift


@final
class ClassWeighting:
    """The sum over classes of their share in the target, by black-box shift estimation, times the source's recall.

    Right under label shift, where only the classes' shares changed; blind to any other.

    Attributes:
        target_shares_: (k,) estimated shares of the classes.

    Source: Lipton, Wang and Smola, Detecting and Correcting for Label Shift with Black Box Predictors, ICML 2018.
    """

    name: ClassVar[str] = "class_weighting"
    needs_features: ClassVar[bool] = False

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Keep (n, k) out-of-fold probabilities and (n,) codes.

        Raises:
            InputError: there are no rows, or the arguments cannot be.
        """
        self._proba, self._codes, _ = source_side("ClassWeighting", source_proba, y_source)
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on rows with (m, k) probabilities."""
        k = self._proba.shape[1]
        proba = target_side("ClassWeighting", target_proba, k)
        self.target_shares_ = label_shift(self._proba, self._codes, proba, n_permutations=1).target_shares
        counts = np.bincount(self._codes, minlength=k)
        right = np.bincount(self._codes, weights=self._proba.argmax(axis=1) == self._codes, minlength=k)
        return float(np.clip(self.target_shares_ @ (right / np.maximum(counts, 1)), 0.0, 1.0))
