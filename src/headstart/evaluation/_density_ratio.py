"""How much likelier a source row is in the target, by classifiers that did not learn from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

SUREST = 1e-6
"""Probabilities are kept this far from 0 and 1."""


def density_ratio(
    source: NDArray[Any], target: NDArray[Any], *, classifier: Any = None, n_folds: int = 5
) -> NDArray[np.float64]:
    """(n_source,) estimates of p_target(x) / p_source(x), of mean near 1, by cross-fitting.

    Row i of each domain belongs to fold i modulo ``n_folds``, so rows should come in random order.

    Args:
        source: (n_source, k) rows, 2 or more.
        target: (n_target, k) rows, 2 or more.
        classifier: with ``predict_proba``; None is logistic regression, its penalty cross-validated once.
        n_folds: parts of the cross-fitting, at most as many as rows of the smaller domain.

    Raises:
        InputError: a domain of fewer than 2 rows.

    Source: Bickel, Bruckner and Scheffer, Discriminative Learning Under Covariate Shift, JMLR 10 (2009).
    """
    from sklearn.base import clone

    sizes = len(source), len(target)
    if min(sizes) < 2:
        raise InputError(f"density_ratio needs 2 rows of each domain, got {sizes[0]} and {sizes[1]}. Add rows.")
    rows = np.concatenate([source, target])
    codes = np.repeat(np.array([0, 1]), sizes)
    n_folds = min(n_folds, *sizes)
    part = np.concatenate([np.arange(n) % n_folds for n in sizes])
    model = _default_classifier(rows, codes) if classifier is None else classifier
    chance = np.empty(sizes[0])
    for fold in range(n_folds):
        fitted = clone(model).fit(rows[part != fold], codes[part != fold])
        held_out = source[part[: sizes[0]] == fold]
        chance[part[: sizes[0]] == fold] = fitted.predict_proba(held_out)[:, 1]
    chance = np.clip(chance, SUREST, 1 - SUREST)
    return chance / (1 - chance) * (sizes[0] / sizes[1])


def _default_classifier(rows: NDArray[Any], codes: NDArray[np.int64]) -> Any:
    from headstart.heads.logistic import LogisticRegressionPath

    if np.bincount(codes).min() < 5:
        return LogisticRegressionPath(C=1.0)
    return LogisticRegressionPath(C=LogisticRegressionPath().fit(rows, codes).C_)
