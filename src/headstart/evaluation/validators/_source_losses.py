"""What a model loses on labelled source rows, and how much each of them counts in the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._cross_fitting import target_probabilities
from headstart.evaluation._given_labels import given_labels
from headstart.evaluation._row_order import content_order
from headstart.evaluation.model_outputs import is_classifier, predictions, probabilities
from headstart.evaluation.own_features import own_features

LOSSES = ("auto", "error", "log", "squared")


def source_losses(kind: str, estimator: Any, X: Any, y: NDArray[Any], sample_domain: Any = None) -> NDArray[np.float64]:
    """(n,) losses on source rows.

    Args:
        kind: "error" is 1 where the label is wrong, "log" the cross-entropy, "squared" that of numbers, "auto"
            "error" for classifiers and "squared" for regressors.
        estimator: fitted.
        X: (n, d) source rows.
        y: (n,) their targets.
        sample_domain: (n,) names of the sources, or None.
    """
    if kind == "auto":
        kind = "error" if is_classifier(estimator) else "squared"
    if kind == "log":
        found = probabilities(estimator, X, is_target=False, sample_domain=sample_domain).astype(np.float64)
        own = np.where(y[:, None] == np.asarray(estimator.classes_), found, 0).sum(axis=1)
        return np.asarray(-np.log(np.clip(own, 1e-15, 1)))
    told = predictions(estimator, X, is_target=False, sample_domain=sample_domain)
    if kind == "error":
        return np.asarray(told != y, dtype=np.float64)
    return np.asarray((told.astype(np.float64) - y) ** 2)


def weighted_losses(
    who: str,
    estimator: Any,
    X: Any,
    y: Any,
    sample_domain: Any,
    target: Any,
    *,
    loss: str,
    classifier: Any,
    n_folds: int,
    max_rows: int,
    random_state: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(m,) density ratios in the model's own features, and (m,) losses, of at most ``max_rows`` source rows.

    Raises:
        InputError: no labels, not one a row, or a domain of fewer than 2 rows.
    """
    from sklearn.utils import _safe_indexing

    y = given_labels(who, X, y)
    order = content_order(X, random_state)[:max_rows]
    rows, y = _safe_indexing(X, order), y[order]
    domains = None if sample_domain is None else np.asarray(sample_domain)[order]
    source = own_features(estimator, rows, is_target=False, sample_domain=domains)
    others = own_features(estimator, target, is_target=True)
    sizes = len(source), len(others)
    if min(sizes) < 2:
        raise InputError(f"{who} needs 2 rows of each domain, got {sizes[0]} and {sizes[1]}. Add rows.")
    settings = {"classifier": classifier, "n_folds": n_folds, "random_state": random_state or 0}
    chances = target_probabilities(source, others, **settings)[0]
    return chances / (1 - chances), source_losses(loss, estimator, rows, y, domains)


def check_loss(who: str, loss: str) -> None:
    """Refuse a loss that is not known.

    Raises:
        InputError: it is not one of :data:`LOSSES`.
    """
    if loss not in LOSSES:
        raise InputError(f"{who} needs a loss of {', '.join(LOSSES)}, got {loss!r}. Take one of them.")
