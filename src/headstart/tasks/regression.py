"""One number a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.tasks.task import CLASSIC_BACKBONES, Task

FEWEST_ROWS = 10
"""With fewer numbers nothing can be learnt and held back."""
BIN_ROWS = 10
"""Rows of a bin of neighbouring numbers, at least; parts and folds have the bins in proportion."""
MOST_BINS = 10


def _parse(labels: Sequence[str | None], ids: Sequence[str]) -> list[Any]:
    """Each text as a finite number; a comma for the decimal point is understood where it is the only mark."""
    return [None if label is None else _number(label, name) for label, name in zip(labels, ids, strict=True)]


def _number(text: str, name: str) -> float:
    try:
        value = float(text.replace(",", ".")) if text.count(",") == 1 and "." not in text else float(text)
    except ValueError:
        raise InputError(
            f"read needs a number in every label of a regression, got {text!r} in {name!r}. Correct it, leave it "
            "empty, or say task='classification'."
        ) from None
    if not np.isfinite(value):
        raise InputError(
            f"read needs finite numbers in the labels of a regression, got {text!r} in {name!r}. Correct it or leave "
            "it empty."
        )
    return value


def _names(target: float) -> tuple[str, ...]:
    return ()


def _encode(targets: Sequence[float], classes: tuple[str, ...]) -> NDArray[np.float64]:
    """(n,) the numbers."""
    return np.array(targets, dtype=np.float64)


def _strata(y: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) bins of about as many rows each; equal numbers share a bin."""
    n_bins = int(np.clip(len(y) // BIN_ROWS, 1, MOST_BINS))
    edges = np.quantile(y, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.searchsorted(edges, y, side="right").astype(np.int64)


def _objection(targets: Sequence[float]) -> str:
    n_values = len(set(targets))
    if len(targets) < FEWEST_ROWS or n_values < 2:
        return (
            f"fit needs at least {FEWEST_ROWS} rows and two different numbers for a regression, got not enough rows to "
            f"split: {len(targets):,} rows with {n_values:,} different numbers. Label more examples."
        )
    return ""


TASK = Task(
    name="regression",
    metric="neg_mae",
    reported=("neg_mae", "neg_rmse", "r2", "spearman"),
    dummy_head="constant",
    baseline_heads=("ridge_regression", "neighbours_regression"),
    classic_heads={
        "text": ("tfidf_ridge",),
        "table": (
            "ridge_regression",
            "boosting_regression",
            "lightgbm_regression",
            "kernel_ridge",
            "neighbours_regression",
        ),
        "series": ("last_value", "seasonal_naive", "ridge_regression", "boosting_regression"),
    },
    calibration="conformal",
    pipeline_tag="regression",
    parse=_parse,
    names=_names,
    encode=_encode,
    strata=_strata,
    objection=_objection,
    classic_backbones=CLASSIC_BACKBONES | {"series": "lags"},
    balanced_by="range of the numbers",
)
