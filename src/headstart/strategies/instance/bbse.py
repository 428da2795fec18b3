"""Black-box shift estimation: class weights from the confusion matrix of any classifier."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._label_shift import fit_posteriors
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting


class BBSE(Weighting):
    """Solves ``C w = mu``: C the joint shares of predicted and true class in the source, mu of predicted in the target.

    For label shift: the classes' shares change, what a class looks like does not. Negative class weights become 0; a
    singular C gets the least solution.

    Args:
        classifier: with ``predict_proba``; None is logistic regression with its penalty cross-validated.
        is_soft: True counts probabilities, False predicted classes.
        n_folds: stratified folds of the cross-fitting.
        random_state: seed of the folds.

    Attributes:
        class_weights_: (k,) ratio of target to source share.
        classes_: (k,) labels.
        condition_: of C; large where the classifier cannot tell classes apart.

    Source: Lipton, Wang and Smola, Detecting and Correcting for Label Shift with Black Box Predictors, ICML 2018.
    """

    name: ClassVar[str] = "bbse"
    needs_source_labels: ClassVar[bool] = True

    def __init__(
        self, classifier: Any = None, *, is_soft: bool = True, n_folds: int = 5, random_state: int | None = 0
    ) -> None:
        self.classifier = classifier
        self.is_soft = is_soft
        self.n_folds = n_folds
        self.random_state = random_state

    def _takes_sparse(self) -> bool:
        return self.classifier is not None

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        known = fit_posteriors("BBSE", pair, self.classifier, n_folds=self.n_folds, random_state=self.random_state)
        joint, target = known.confusion(is_soft=self.is_soft)
        solved = np.maximum(np.linalg.lstsq(joint, target, rcond=1e-10)[0], 0)
        self.class_weights_ = solved if (known.prior @ solved) > 0 else np.ones_like(solved)
        self.condition_, self.classes_ = float(np.linalg.cond(joint)), known.classes
        return np.asarray(self.class_weights_[known.codes])
