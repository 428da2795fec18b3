"""The features in which a fitted model itself compares rows of both domains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.model_outputs import domain_keyword, last_step, probabilities

LARGEST = 2**28
"""Sparse features of more numbers than this are not made dense: 2 GB in float64."""


def own_features(estimator: Any, X: Any, *, is_target: bool, sample_domain: Any = None) -> NDArray[Any]:
    """Where the model's last estimator sees the rows of a domain.

    Of an aligned model that is the image of its alignment, of a pipeline the input of its last step. A method that
    adapts by itself has its decision values, the only place where its domains meet. Otherwise it is ``X``.

    Args:
        estimator: fitted.
        X: (n, d) rows, or raw examples where a pipeline encodes them.
        is_target: whether the rows are those of the target.
        sample_domain: (n,) names of the sources, or None.

    Returns:
        (n, k) numbers, float32 where they came so.

    Raises:
        InputError: the features are not numbers, or sparse and too large to be made dense.
    """
    head, rows = own_head(estimator, X, is_target=is_target)
    if getattr(head, "adapted_", False) and domain_keyword(head, "predict", rows, is_target=False):
        return _decisions(head, rows, is_target=is_target, sample_domain=sample_domain)
    return dense_features(rows, type(head).__name__)


def own_head(estimator: Any, X: Any, *, is_target: bool) -> tuple[Any, Any]:
    """The last estimator of a fitted model and the (n, k) rows that it is asked about.

    Args:
        estimator: fitted.
        X: (n, d) rows, or raw examples.
        is_target: whether the rows are those of the target.
    """
    head, rows = last_step(estimator, X)
    if hasattr(head, "alignment_") and hasattr(head, "estimator_"):
        if head.alignment_ is not None:
            rows = head.alignment_.transform_target(rows) if is_target else head.alignment_.transform_source(rows)
        return own_head(head.estimator_, rows, is_target=is_target)
    if hasattr(head, "weighting_") and hasattr(head, "estimator_"):
        return own_head(head.estimator_, rows, is_target=is_target)
    return head, rows


def _decisions(head: Any, rows: Any, *, is_target: bool, sample_domain: Any) -> NDArray[Any]:
    if hasattr(head, "decision_function"):
        given = domain_keyword(head, "decision_function", rows, is_target=is_target, sample_domain=sample_domain)
        values = np.asarray(head.decision_function(rows, **given))
    else:
        values = probabilities(head, rows, is_target=is_target, sample_domain=sample_domain)
        values = np.log(np.maximum(values, np.finfo(values.dtype).tiny))
    return values.reshape(len(values), -1)


def dense_features(rows: Any, who: str) -> NDArray[Any]:
    """(n, k) numbers of what comes before the estimator ``who``.

    Raises:
        InputError: they are not numbers, or sparse and too large to be made dense.
    """
    if hasattr(rows, "toarray"):
        n, d = rows.shape
        if n * d > LARGEST:
            what = f"own_features needs dense features, got a sparse matrix of {n:,} x {d:,} before {who}"
            raise InputError(f"{what}. Reduce its columns, e.g. by TruncatedSVD.")
        rows = rows.toarray()
    try:
        found = np.asarray(rows)
        found = found if found.dtype in (np.float32, np.float64) else found.astype(np.float64)
    except (TypeError, ValueError):
        what = f"own_features needs numbers before {who}, got {type(rows).__name__}"
        raise InputError(f"{what}. Put an encoder before it in a pipeline.") from None
    if found.ndim != 2:
        raise InputError(f"own_features needs features (n, k) before {who}, got shape {found.shape}. Reshape them.")
    return found
