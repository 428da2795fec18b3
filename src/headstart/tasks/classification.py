"""One label a row out of several classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.tasks.task import Task


def _parse(labels: Sequence[str | None], ids: Sequence[str]) -> list[Any]:
    return list(labels)


def _names(target: str) -> tuple[str, ...]:
    return (target,)


def _encode(targets: Sequence[str], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """(n,) positions in ``classes``."""
    lookup = {name: code for code, name in enumerate(classes)}
    return np.array([lookup[name] for name in targets], dtype=np.int64)


def _strata(codes: NDArray[Any]) -> NDArray[Any]:
    return codes


def _objection(targets: Sequence[str]) -> str:
    counts = Counter(targets)
    if len(counts) < 2:
        name, n = next(iter(counts.items()))
        return (
            f"fit needs at least two classes, got one class only: {name!r} ({n:,} examples). Add another class, or "
            "find what does not look like it with task='anomaly' (--task anomaly)."
        )
    n_enough = sum(count >= 2 for count in counts.values())
    if n_enough >= 2:
        return ""
    return (
        f"fit needs two classes with at least two examples each, got not enough rows to split: {len(targets):,} rows "
        f"in {len(counts):,} classes, {n_enough} of them with two or more. Label more examples."
    )


TASK = Task(
    name="classification",
    metric="macro_f1",
    reported=("macro_f1", "accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc"),
    dummy_head="majority",
    baseline_heads=("prototypes", "logistic", "neighbours"),
    classic_heads={
        "text": ("tfidf_linear",),
        "table": ("logistic", "boosting", "lightgbm", "rbf_svm", "neighbours"),
        "series": ("ridge", "logistic"),
    },
    calibration="temperature",
    pipeline_tag="classification",
    parse=_parse,
    names=_names,
    encode=_encode,
    strata=_strata,
    objection=_objection,
    is_exclusive=True,
)
