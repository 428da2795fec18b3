"""The density ratio of any classifier that tells target rows from source rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._cross_fitting import cross_fitted, default_classifier
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

SUREST = 1e-6
"""Probabilities are kept this far from 0 and 1."""


class Discriminative(Weighting):
    """Weights ``p(target | x) / p(source | x)`` with probabilities of models that did not see the row.

    Args:
        classifier: with ``predict_proba``; None is logistic regression with its penalty cross-validated, under which
            domains that cannot be told apart get weights near 1.
        n_folds: stratified folds of the cross-fitting.
        random_state: seed of the folds.

    Attributes:
        proba_: (n_source,) probability of being a target row.

    Source: Bickel, Bruckner and Scheffer, Discriminative Learning Under Covariate Shift, JMLR 10 (2009); cross-fitting
    as in Chernozhukov et al., Econometrics Journal 21 (2018).
    """

    name: ClassVar[str] = "discriminative"

    def __init__(self, classifier: Any = None, *, n_folds: int = 5, random_state: int | None = 0) -> None:
        self.classifier = classifier
        self.n_folds = n_folds
        self.random_state = random_state

    def _takes_sparse(self) -> bool:
        return self.classifier is not None

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        from scipy.sparse import issparse, vstack

        rows: Any
        if issparse(pair.source) and issparse(pair.target):
            rows = vstack([pair.source, pair.target]).tocsr()
        else:
            rows = np.concatenate([_dense(pair.source), _dense(pair.target)])
        codes = np.repeat(np.array([0, 1]), [pair.n_source, pair.n_target])
        classifier = default_classifier(rows, codes) if self.classifier is None else self.classifier
        proba = cross_fitted(classifier, rows, codes, 2, n_folds=self.n_folds, random_state=self.random_state)
        of_source = np.clip(proba[: pair.n_source, 1], SUREST, 1 - SUREST)
        self.proba_ = pair.as_given(of_source)
        return np.asarray(of_source / (1 - of_source))


def _dense(X: Any) -> NDArray[Any]:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)
