"""How sure a model is of each target row, and how far it spreads them over the classes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.evaluation.model_outputs import probabilities
from headstart.evaluation.validators._entropies import entropies
from headstart.evaluation.validators._validator import Estimate, Validator


class InformationMaximisation(Validator):
    """Entropy of the mean prediction minus the mean entropy: what predictions tell about rows, in nats.

    It is 0 for a model that predicts one class, and favours models that find the classes equally often.

    Args:
        X_target: (n_target, d) rows of the target.
        diversity: weight of the mean prediction's entropy.

    Source: Hu, Miyato, Tokui, Matsumoto and Sugiyama, Learning Discrete Representations via Information Maximizing
    Self-Augmented Training, ICML 2017; as a validator Musgrave, Belongie and Lim, Three New Validators and a
    Large-Scale Benchmark Ranking for Unsupervised Domain Adaptation, 2022.
    """

    name: ClassVar[str] = "information_maximisation"

    def __init__(self, X_target: Any, *, diversity: float = 1.0) -> None:
        super().__init__(X_target)
        self._positive(diversity=diversity)
        self.diversity = diversity

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        chances = probabilities(estimator, self.X_target, is_target=True).astype(np.float64)
        mean = chances.mean(axis=0)
        surprise = -np.log(np.maximum(mean, np.finfo(np.float64).tiny))  # (n_classes,)
        return Estimate.of_rows(self.diversity * (chances @ surprise) - entropies(chances))
