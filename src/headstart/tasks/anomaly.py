"""Learn what is normal; say how strange an example is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.tasks.task import Task

NORMAL, ANOMALOUS = "normal", "anomalous"
"""The two classes."""

NORMAL_NAMES = frozenset(
    "normal good ok okay fine healthy sound intact regular pass passed inlier background 0 false no negative none "
    "正常 合格 良品".split()
)
"""Labels that mean normal, in small letters."""

FEWEST_ROWS = 10
"""With fewer normal rows nothing can be learnt and held back."""


def normal_name(labels: Sequence[str | None]) -> tuple[str, str]:
    """The label that means normal and why: by its name, or else the most frequent one; "" where there are no labels.

    >>> normal_name(["scratch", "good", "scratch", None])
    ('good', 'it is called so')
    """
    counts = Counter(label for label in labels if label is not None)
    named = [name for name in counts if name.strip().lower() in NORMAL_NAMES]
    if named:
        return max(named, key=lambda name: counts[name]), "it is called so"
    if not counts:
        return "", "no row has a label"
    return max(counts, key=lambda name: (counts[name], name)), "it is the most frequent label"


def _parse(labels: Sequence[str | None], ids: Sequence[str]) -> list[Any]:
    """Every label but the normal one is anomalous; without any label all rows are taken for normal."""
    normal, _ = normal_name(labels)
    if not normal:
        return [NORMAL] * len(labels)
    return [None if label is None else NORMAL if label == normal else ANOMALOUS for label in labels]


def _names(target: str) -> tuple[str, ...]:
    return (target,)


def _encode(targets: Sequence[str], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """(n,) 1 where anomalous."""
    return np.array([target == ANOMALOUS for target in targets], dtype=np.int64)


def _strata(y: NDArray[Any]) -> NDArray[Any]:
    return y


def _objection(targets: Sequence[str]) -> str:
    n_normal = sum(target == NORMAL for target in targets)
    if n_normal >= FEWEST_ROWS:
        return ""
    return (
        f"fit needs at least {FEWEST_ROWS} normal rows to learn what is normal, got not enough rows to split: "
        f"{n_normal:,} normal of {len(targets):,}. Add normal examples."
    )


TASK = Task(
    name="anomaly",
    metric="average_precision",
    reported=("average_precision", "roc_auc", "recall_at_5"),
    dummy_head="indifferent",
    baseline_heads=("mahalanobis", "neighbour_distance"),
    classic_heads={"text": ("tfidf_distance",)},
    calibration="alarm_threshold",
    pipeline_tag="anomaly-detection",
    parse=_parse,
    names=_names,
    encode=_encode,
    strata=_strata,
    objection=_objection,
)
