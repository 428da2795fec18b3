"""The target's class shares by maximum likelihood, from calibrated probabilities of a source classifier."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.mixture_proportions import fit_proportions
from headstart.strategies.instance._label_shift import fit_posteriors
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting


class EMLabelShift(Weighting):
    """Class shares q of largest ``sum_j log sum_c q_c p(c | t_j) / p(c)``: where expectation-maximisation would end.

    The likelihood is concave; Newton steps reach its maximum to a proven gap, where EM would crawl. Probabilities are
    softened or sharpened by one temperature, fitted on source rows that the model did not see.

    Args:
        classifier: with ``predict_proba``; None is logistic regression with its penalty cross-validated.
        calibrate: True fits the temperature.
        n_folds: stratified folds of the cross-fitting.
        random_state: seed of the folds.

    Attributes:
        shares_: (k,) of the classes in the target.
        class_weights_: (k,) ratio of target to source share.
        classes_: (k,) labels.
        gap_: proven accuracy of the mean log-likelihood.

    Source: Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities,
    Neural Computation 14 (2002); calibration as in Alexandari, Kundaje and Shrikumar, ICML 2020.
    """

    name: ClassVar[str] = "em_label_shift"
    needs_source_labels: ClassVar[bool] = True

    def __init__(
        self, classifier: Any = None, *, calibrate: bool = True, n_folds: int = 5, random_state: int | None = 0
    ) -> None:
        self.classifier = classifier
        self.calibrate = calibrate
        self.n_folds = n_folds
        self.random_state = random_state

    def _takes_sparse(self) -> bool:
        return self.classifier is not None

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        from headstart.evaluation.calibration import TemperatureScaling

        who = "EMLabelShift"
        known = fit_posteriors(who, pair, self.classifier, n_folds=self.n_folds, random_state=self.random_state)
        target = known.target
        if self.calibrate:
            target = TemperatureScaling().fit(known.codes, known.source).transform(target)
        found = fit_proportions(target / known.prior)
        self.shares_, self.gap_, self.classes_ = found.shares, found.gap, known.classes
        self.class_weights_ = found.shares / known.prior
        return np.asarray(self.class_weights_[known.codes])
