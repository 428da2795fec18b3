"""Under which name an estimator's ``fit`` takes weights."""

from __future__ import annotations

from typing import Any


def weight_keyword(estimator: Any) -> str | None:
    """``sample_weight``, ``STEP__sample_weight`` for a pipeline whose last step takes it, or None."""
    from sklearn import get_config
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_keyword(last)
        if inner is None or get_config()["enable_metadata_routing"]:
            return inner
        return f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None
