"""Importance-weighted validation: the loss on source rows, each counted as often as the target has its like."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.evaluation.validators._source_losses import check_loss, weighted_losses
from headstart.evaluation.validators._validator import Estimate, Validator


class ImportanceWeighted(Validator):
    """Minus ``sum_i w_i loss_i / sum_i w_i``, w the density ratio in the model's own features.

    Right where, given the features, the classes are spread alike in both domains. It rests on few rows where the
    domains hardly overlap.

    Args:
        X_target: (n_target, d) rows of the target.
        loss: "error", "log", "squared", or "auto": the error of classifiers, the square of regressors.
        normalised: False divides by the number of rows, as the paper does, instead of by the weights' sum.
        classifier: tells the domains apart, with ``predict_proba``; None is logistic regression on columns and
            squares.
        n_folds: parts of its cross-fitting.
        max_rows: rows of each domain that are drawn at most.
        random_state: seed of the draw.

    Source: Sugiyama, Krauledat and Müller, Covariate Shift Adaptation by Importance Weighted Cross Validation, JMLR 8
    (2007).
    """

    name: ClassVar[str] = "importance_weighted"

    def __init__(
        self,
        X_target: Any,
        *,
        loss: str = "auto",
        normalised: bool = True,
        classifier: Any = None,
        n_folds: int = 5,
        max_rows: int = 20_000,
        random_state: int | None = 0,
    ) -> None:
        super().__init__(X_target, random_state=random_state)
        check_loss(self.name, loss)
        self._positive(n_folds=n_folds - 1, max_rows=max_rows - 1)
        self.loss = loss
        self.normalised = normalised
        self.classifier = classifier
        self.n_folds = n_folds
        self.max_rows = max_rows

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        weights, losses = weighted_losses(
            self.name,
            estimator,
            X,
            y,
            sample_domain,
            self._target(self.max_rows),
            loss=self.loss,
            classifier=self.classifier,
            n_folds=self.n_folds,
            max_rows=self.max_rows,
            random_state=self.random_state,
        )
        if not self.normalised:
            return Estimate.of_rows(-weights * losses)
        risk = float(weights @ losses / weights.sum())
        pull = weights * (losses - risk) / weights.mean()  # what each row adds to the ratio of the two means
        return Estimate(-risk, float(np.sqrt(np.mean(pull**2) / len(pull))), len(pull))
