"""Any number of labels a row, none of them too."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.tasks.task import Task

SEPARATORS = ";|"
"""What stands between the labels of a cell."""

FEWEST_ROWS = 10
"""With fewer labelled rows nothing can be learnt and held back."""


def label_set(text: str) -> tuple[str, ...]:
    """The labels in a cell, each once, in the order written.

    >>> label_set("a; b|a"), label_set('["a", "b c"]'), label_set("[]"), label_set("a")
    (('a', 'b'), ('a', 'b c'), (), ('a',))
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        try:
            found = json.loads(text)
        except ValueError:
            found = [part.strip().strip("'\"") for part in text[1:-1].split(",")]
        parts = [str(part) for part in found]
    else:
        parts = re.split(f"[{SEPARATORS}]", text)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _parse(labels: Sequence[str | None], ids: Sequence[str]) -> list[Any]:
    return [None if label is None else label_set(label) for label in labels]


def _names(target: tuple[str, ...]) -> tuple[str, ...]:
    return target


def _encode(targets: Sequence[tuple[str, ...]], classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """(n, n_labels) 1 where the row has the label."""
    lookup = {name: code for code, name in enumerate(classes)}
    y = np.zeros((len(targets), len(classes)), dtype=np.uint8)
    for row, names in enumerate(targets):
        y[row, [lookup[name] for name in names]] = 1
    return y


def _strata(y: NDArray[Any]) -> NDArray[Any]:
    return y


def _objection(targets: Sequence[tuple[str, ...]]) -> str:
    n = len(targets)
    counts = Counter(name for names in targets for name in names)
    if n >= FEWEST_ROWS and any(2 <= count <= n - 2 for count in counts.values()):
        return ""
    return (
        f"fit needs at least {FEWEST_ROWS} rows and a label that two of them have and two lack, got not enough rows to "
        f"split: {n:,} rows and {len(counts):,} labels. Label more examples."
    )


def from_columns(columns: dict[str, Sequence[Any]]) -> list[str]:
    """Several columns of 0 and 1 as one text a row, which :func:`label_set` reads.

    Raises:
        InputError: a cell holds something else, or nothing.
    """
    n = len(next(iter(columns.values())))
    rows: list[list[str]] = [[] for _ in range(n)]
    for name, values in columns.items():
        for row, value in enumerate(values):
            text = str(value).strip().lower()
            if text not in _FLAGS:
                raise InputError(
                    f"read needs 0 or 1 in every label column, got {value!r} in row {row + 1} of {name!r}. Correct it."
                )
            if _FLAGS[text]:
                rows[row].append(name)
    return [json.dumps(names, ensure_ascii=False) for names in rows]


_FLAGS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True, "no": False, "yes": True}

TASK = Task(
    name="multi_label",
    metric="mean_average_precision",
    reported=("mean_average_precision", "macro_f1", "micro_f1", "subset_accuracy", "neg_log_loss"),
    dummy_head="label_frequencies",
    baseline_heads=("multi_label_ridge", "multi_label_neighbours"),
    classic_heads={"text": ("tfidf_labels",), "series": ("multi_label_ridge",)},
    calibration="label_scaling",
    pipeline_tag="multi-label-classification",
    parse=_parse,
    names=_names,
    encode=_encode,
    strata=_strata,
    objection=_objection,
    balanced_by="label",
)
