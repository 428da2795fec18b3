"""Columns of a table that give the label away, found among the rows that may be learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding
from headstart.data.labels import as_text
from headstart.types import Dataset

FEWEST_ROWS = 20
"""With fewer rows one to one says nothing."""


def without_telling_columns(dataset: Dataset, train: NDArray[np.int64]) -> tuple[Dataset, tuple[Finding, ...]]:
    """The data set without columns that are another writing of the label, and what is to be said about it.

    Args:
        dataset: labelled rows; of other kinds than tables and mixtures it stays as it is.
        train: the rows that may be learnt from; labels of no other row are read.
    """
    rows = [_cells(example, dataset.modality) for example in dataset.inputs]
    known = [row for row in train.tolist() if rows[row]]
    if not known or dataset.targets is None:
        return dataset, ()
    labels = [str(dataset.targets[row]) for row in known]
    names = [name for name in rows[known[0]] if _tells(as_text([rows[row].get(name) for row in known]), labels)]
    if not names:
        return dataset, ()
    kept = [_without(example, names, dataset.modality) for example in dataset.inputs]
    text = "Column {!r} tells the label by itself in the training rows and is left out."
    return replace(dataset, inputs=kept), tuple(Finding("leak", "warning", text.format(name)) for name in names)


def _cells(example: Any, modality: str) -> Mapping[str, Any]:
    """The cells of a row, or of the part of a mixed one that is a row."""
    if modality == "table":
        return dict(example)
    return dict(example.get("table") or {}) if modality == "mixed" else {}


def _without(example: Any, names: Sequence[str], modality: str) -> Any:
    if modality == "mixed":
        row = example.get("table")
        return {**example, "table": None if row is None else _without(row, names, "table")}
    return {name: cell for name, cell in example.items() if name not in names}


def _tells(cells: Sequence[str | None], labels: Sequence[str | None]) -> bool:
    """True for another writing of the label: each value one label, each label one value."""
    told = [(cell, label) for cell, label in zip(cells, labels, strict=True) if None not in (cell, label)]
    pairs = {(str(cell), str(label)) for cell, label in told}
    n_classes = len({label for _, label in pairs})
    is_one_to_one = n_classes >= 2 and len(pairs) == n_classes == len({cell for cell, _ in pairs})
    return len(told) >= FEWEST_ROWS and is_one_to_one and (2 * n_classes <= len(told) or _is_monotone(pairs))


def _is_monotone(pairs: set[tuple[str, str]]) -> bool:
    """True for numbers that rise, or fall, with the label; where hardly a value repeats one to one says nothing."""
    try:
        labels = [label for _, label in sorted((float(cell), float(label)) for cell, label in pairs)]
    except ValueError:
        return False
    return labels in (sorted(labels), sorted(labels, reverse=True))
