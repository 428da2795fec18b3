"""The mean verdict of several validators, each heard by rank because their scales differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from headstart.errors import InputError
from headstart.evaluation.ranks import beaten_by, tied_with
from headstart.evaluation.validators._validator import Estimate, Validator


class MeanRank(Validator):
    """The mean over the validators of the share of candidates that the model leaves behind, ties half; from 0 to 1.

    Candidates come in the order of their mean rank. A model that is itself among them ties with itself.

    Args:
        X_target: (n_target, d) rows of the target.
        candidates: fitted models to compare with.
        validators: scorers ``scorer(estimator, X, y) -> float``; ``make_validator`` takes their names.

    Source: ranks as in Friedman, The Use of Ranks to Avoid the Assumption of Normality, JASA 32 (1937).
    """

    name: ClassVar[str] = "mean_rank"
    needs_candidates: ClassVar[bool] = True
    asks_others: ClassVar[bool] = True
    usual: ClassVar[tuple[str, ...]] = ("agreement", "circular", "information_maximisation")

    def __init__(self, X_target: Any, *, candidates: Sequence[Any], validators: Sequence[Callable[..., float]]) -> None:
        super().__init__(X_target)
        if not validators:
            raise InputError(f"{self.name} needs at least one validator, got none. Name some.")
        self.candidates = candidates
        self.validators = validators

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        given = {} if sample_domain is None else {"sample_domain": sample_domain}
        values = np.array(
            [[float(ask(model, X, y, **given)) for ask in self.validators] for model in [*self.candidates, estimator]]
        )
        own, others = values[-1:], values[:-1]
        behind = len(others) - beaten_by(own, others) - tied_with(own, others) / 2
        return Estimate(float(behind.mean()) / len(others), None, len(self.validators))
