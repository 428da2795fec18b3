"""What a fitted model says of rows of the source or of the target."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

ANY_SOURCE = "source"


def probabilities(estimator: Any, X: Any, *, is_target: bool, sample_domain: Any = None) -> NDArray[Any]:
    """(n, n_classes) probabilities of ``estimator.classes_``.

    Args:
        estimator: a fitted classifier.
        X: (n, d) rows, or raw examples.
        is_target: target rows go without ``sample_domain``, source rows with it where the estimator takes it.
        sample_domain: (n,) names of the sources; None takes the estimator's first.

    Raises:
        InputError: it gives no probabilities, several targets, or numbers that are not finite.
    """
    head, rows = last_step(estimator, X)
    if not hasattr(head, "predict_proba"):
        what = f"The validator needs an estimator with predict_proba, got {type(head).__name__}"
        raise InputError(f"{what}. Wrap it in CalibratedClassifierCV, or take a classifier that has it.")
    given = domain_keyword(head, "predict_proba", rows, is_target=is_target, sample_domain=sample_domain)
    found = head.predict_proba(rows, **given)
    if isinstance(found, list) or np.ndim(found) != 2:
        raise InputError("The validator needs one label a row, got several targets. Validate each by itself.")
    found = np.asarray(found)
    if not np.isfinite(found).all():
        who = type(head).__name__
        raise InputError(f"The validator needs finite probabilities, got NaN or inf from {who}. Refit or drop it.")
    return found


def predictions(estimator: Any, X: Any, *, is_target: bool, sample_domain: Any = None) -> NDArray[Any]:
    """(n,) predictions; arguments as of :func:`probabilities`."""
    head, rows = last_step(estimator, X)
    given = domain_keyword(head, "predict", rows, is_target=is_target, sample_domain=sample_domain)
    return np.asarray(head.predict(rows, **given))


def last_step(estimator: Any, X: Any) -> tuple[Any, Any]:
    """The last step of a pipeline, or what a search found best, and the rows that reach it."""
    from sklearn.pipeline import Pipeline

    if hasattr(estimator, "best_estimator_"):
        return last_step(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        rows = X if len(estimator) == 1 else estimator[:-1].transform(X)
        return last_step(estimator[-1], rows)
    return estimator, X


def is_classifier(estimator: Any) -> bool:
    """Whether a fitted model predicts classes."""
    return hasattr(estimator, "classes_")


def domain_keyword(
    head: Any, method: str, rows: Any, *, is_target: bool, sample_domain: Any = None
) -> dict[str, NDArray[Any]]:
    """``{"sample_domain": names}`` for source rows where ``method`` of ``head`` takes it, else nothing."""
    if is_target or "sample_domain" not in inspect.signature(getattr(head, method)).parameters:
        return {}
    if sample_domain is not None:
        return {"sample_domain": np.asarray(sample_domain)}
    n = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    known = getattr(head, "source_domains_", [ANY_SOURCE])
    return {"sample_domain": np.full(n, known[0])}
