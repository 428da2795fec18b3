"""How often a model says what all candidates say together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.model_outputs import predictions, probabilities
from headstart.evaluation.validators._validator import Estimate, Validator

CLOSE = 1e-12


class Agreement(Validator):
    """Share of target rows where the model predicts a class of the largest mean probability over the candidates.

    Args:
        X_target: (n_target, d) rows of the target.
        candidates: fitted classifiers, the model itself among them or not.

    Source: Hu, Luo, Liang and Foo, Towards Reliable Model Selection for Unsupervised Domain Adaptation: An Empirical
    Study and A Certified Baseline, NeurIPS 2024.
    """

    name: ClassVar[str] = "agreement"
    needs_candidates: ClassVar[bool] = True

    def __init__(self, X_target: Any, *, candidates: Sequence[Any]) -> None:
        super().__init__(X_target)
        self.candidates = candidates

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        classes, mean = self._together
        told = predictions(estimator, self.X_target, is_target=True)
        places = np.searchsorted(classes, told).clip(0, len(classes) - 1)
        own = np.where(classes[places] == told, mean[np.arange(len(told)), places], -1.0)
        return Estimate.of_rows(own >= mean.max(axis=1) - CLOSE)

    @cached_property
    def _together(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """(k,) the classes of all candidates, and (n_target, k) their mean probabilities."""
        each = [np.asarray(model.classes_) for model in self.candidates]
        classes = np.unique(np.concatenate(each))
        mean = np.zeros((self._n_target, len(classes)))
        for model, own in zip(self.candidates, each, strict=True):
            mean[:, np.searchsorted(classes, own)] += probabilities(model, self.X_target, is_target=True)
        return classes, mean / len(self.candidates)
