"""The nuclear norm of the target's predictions: large where they are sure and of many classes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.evaluation.model_outputs import probabilities
from headstart.evaluation.validators._validator import Estimate, Validator


class NuclearNorm(Validator):
    """The sum of the singular values of the (n, n_classes) predictions over its largest possible value; from 0 to 1.

    Args:
        X_target: (n_target, d) rows of the target.

    Source: Cui, Wang, Zhuo, Li, Huang and Tian, Towards Discriminability and Diversity: Batch Nuclear-norm
    Maximization under Label Insufficient Situations, CVPR 2020.
    """

    name: ClassVar[str] = "nuclear_norm"

    def __init__(self, X_target: Any) -> None:
        super().__init__(X_target)

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        chances = probabilities(estimator, self.X_target, is_target=True).astype(np.float64)
        triangle = np.linalg.qr(chances, mode="r")  # of the same singular values
        total = float(np.linalg.svd(triangle, compute_uv=False).sum())
        return Estimate(total / (len(chances) * min(chances.shape)) ** 0.5, None, len(chances))
