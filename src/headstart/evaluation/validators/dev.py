"""Deep embedded validation: importance-weighted loss, steadied by what the weights themselves are known to average."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.evaluation.validators._source_losses import check_loss, weighted_losses
from headstart.evaluation.validators._validator import Estimate, Validator


class DEV(Validator):
    """Minus ``mean(w loss) + eta (mean(w) - 1)`` with ``eta = -cov(w loss, w) / var(w)``.

    The weights are the density ratio in the model's own features, whose mean is 1; where a sample's mean strays from
    it, the losses stray along, and eta takes that out.

    Args:
        X_target: (n_target, d) rows of the target.
        loss: "error", "log", "squared", or "auto": the error of classifiers, the square of regressors.
        classifier: tells the domains apart, with ``predict_proba``; None is logistic regression on columns and
            squares.
        n_folds: parts of its cross-fitting.
        max_rows: rows of each domain that are drawn at most.
        random_state: seed of the draw.

    Source: You, Wang, Long and Jordan, Towards Accurate Model Selection in Deep Unsupervised Domain Adaptation, ICML
    2019.
    """

    name: ClassVar[str] = "dev"

    def __init__(
        self,
        X_target: Any,
        *,
        loss: str = "auto",
        classifier: Any = None,
        n_folds: int = 5,
        max_rows: int = 20_000,
        random_state: int | None = 0,
    ) -> None:
        super().__init__(X_target, random_state=random_state)
        check_loss(self.name, loss)
        self._positive(n_folds=n_folds - 1, max_rows=max_rows - 1)
        self.loss = loss
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
        weighted, centred = weights * losses, weights - weights.mean()
        spread = float(centred @ centred)
        eta = -float(centred @ weighted) / spread if spread > 1e-12 * len(weights) else 0.0
        return Estimate.of_rows(-(weighted + eta * (weights - 1)))
