"""Probabilities of rows by models that did not learn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def default_classifier(X: Any, codes: NDArray[np.int64]) -> Any:
    """Logistic regression, its penalty chosen once by cross-validation on (n, d) rows and (n,) codes."""
    from headstart.heads.logistic import LogisticRegressionPath

    return LogisticRegressionPath(C=LogisticRegressionPath().fit(X, codes).C_)


def cross_fitted(
    classifier: Any, X: Any, codes: NDArray[np.int64], n_classes: int, *, n_folds: int, random_state: int | None
) -> NDArray[np.float64]:
    """(n, n_classes) probabilities of each row, by clones fitted on the other folds.

    Args:
        classifier: with ``predict_proba``.
        X: (n, d) rows, at least 2.
        codes: (n,) class codes.
        n_classes: columns; a class that the other folds lack has probability 0.
        n_folds: stratified folds, at most n.
        random_state: seed of the folds.
    """
    from sklearn.base import clone

    result = np.zeros((len(codes), n_classes))
    part = stratified_parts(codes, min(n_folds, len(codes)), random_state)
    for fold in range(int(part.max()) + 1):
        train, valid = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        present = np.unique(codes[train])
        if len(present) == 1:
            result[valid, present[0]] = 1.0
        else:
            result[valid] = proba_by_code(clone(classifier).fit(X[train], codes[train]), X[valid], n_classes)
    return result


def proba_by_code(model: Any, X: Any, n_classes: int) -> NDArray[np.float64]:
    """(n, n_classes) probabilities by a model fitted on codes; 0 for a code it never saw."""
    proba = np.asarray(model.predict_proba(X), dtype=np.float64)
    result = np.zeros((len(proba), n_classes))
    result[:, np.asarray(model.classes_, dtype=np.int64)] = proba
    return result


def stratified_parts(codes: NDArray[np.int64], n_parts: int, random_state: int | None) -> NDArray[np.int64]:
    """(n,) part of each row, every class spread evenly over the parts."""
    shuffled = np.random.default_rng(random_state).permutation(len(codes))
    part = np.empty(len(codes), dtype=np.int64)
    for code in np.unique(codes):
        places = np.flatnonzero(codes[shuffled] == code)
        part[shuffled[places]] = (np.arange(len(places)) + places[0]) % n_parts  # whatever the class is called
    return part
