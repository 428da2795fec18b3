"""The source model's prediction as further columns."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._pseudo_labels import linear_discriminants


class PRED(Alignment):
    """Rows x to (x, p(x)), p the class probabilities of a model of the source.

    It is made for some labels in the target: the estimator that is trained beside them learns how far to trust the
    source model. The source's own rows get probabilities of models that did not learn from them.

    Args:
        classifier: the model, with ``predict_proba``; None takes shrunken linear discriminants.
        n_folds: parts that the source is cut into for its own rows, 2 or more.

    Source: the baseline PRED in Daume, Frustratingly Easy Domain Adaptation, ACL 2007, section 2.
    """

    name: ClassVar[str] = "pred"
    needs_labels: ClassVar[bool] = True
    is_symmetric: ClassVar[bool] = True

    def __init__(self, classifier: Any = None, *, n_folds: int = 5) -> None:
        self.classifier = classifier
        self.n_folds = n_folds

    def fit_transform_source(self, X_source: Any, X_target: Any, *, y_source: Any = None, y_target: Any = None) -> Any:
        """Fit, and map the source rows by models that did not learn from them."""
        from headstart.data.folds import folds

        source, _ = self._begin(X_source, X_target, y_source, y_target)
        proba = self._proba(self.model_, source)
        for train, valid in folds(self.codes_, n_folds=self.n_folds):
            if len(np.unique(self.codes_[train])) > 1:
                proba[valid] = self._proba(self._model().fit(source[train], self.codes_[train]), source[valid])
        return np.hstack([source, proba])

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(n_folds=2)
        self.codes_ = np.asarray(source_codes)
        self.model_ = self._model().fit(source, self.codes_)

    def _map_source(self, X: Any) -> Any:
        return np.hstack([X, self._proba(self.model_, X)])

    def _model(self) -> Any:
        from sklearn.base import clone

        return linear_discriminants() if self.classifier is None else clone(self.classifier)

    def _proba(self, model: Any, X: Any) -> Any:
        """(n, n_classes) probabilities in the rows' float type; 0 for a class the model never saw."""
        proba = np.zeros((len(X), len(self.classes_)), dtype=X.dtype)
        proba[:, np.asarray(model.classes_, dtype=np.int64)] = model.predict_proba(X)
        return proba
