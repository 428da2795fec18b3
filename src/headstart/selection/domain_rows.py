"""Two domains as rows of numbers, whatever they came as."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.read import ReadResult, read
from headstart.data.read_examples import read_examples
from headstart.data.table import TABLE_SUFFIXES, read_table
from headstart.data.table_rows import ROW_MODALITIES
from headstart.data.table_schema import Schema
from headstart.errors import InputError
from headstart.types import Dataset, Progress, silent


@dataclass(frozen=True, eq=False)
class DomainRows:
    """One domain.

    Args:
        features: (n, d) numbers.
        targets: (n,) labels, None where missing; or None.
        columns: name -> (n,) cells, where rows have columns that people know; else empty.
    """

    features: NDArray[Any]
    targets: NDArray[Any] | None
    columns: dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class TwoDomains:
    """Source and target in one space.

    Args:
        source: the source.
        target: the target.
        space: what the features are, in words.
        task: of the labels.
        notes: what people should know about how the data were read.
    """

    source: DomainRows
    target: DomainRows
    space: str
    task: str = "classification"
    notes: tuple[str, ...] = ()


def are_numbers(data: Any) -> bool:
    """True for a matrix: an array or sparse matrix of two dimensions, or a list of rows of numbers."""
    if hasattr(data, "tocsr"):
        return True
    if isinstance(data, np.ndarray):
        return data.ndim == 2 and data.dtype.kind in "fiub"
    is_list = isinstance(data, list | tuple) and len(data) > 0 and isinstance(data[0], list | tuple | np.ndarray)
    return is_list and np.ndim(data[0]) == 1


def rows_of_matrices(source: Any, target: Any, y_source: Any, y_target: Any) -> TwoDomains:
    """Domains that are rows of numbers already.

    Raises:
        InputError: different numbers of columns, no rows, NaN, or labels that are not one a row.
    """
    sides = []
    for rows, labels, name in ((source, y_source, "source"), (target, y_target, "target")):
        matrix: NDArray[Any] = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
        if matrix.ndim != 2 or not len(matrix) or matrix.dtype.kind not in "fiub":
            what = f"got shape {matrix.shape} of {matrix.dtype}"
            raise InputError(f"diagnose needs (n, d) numbers in the {name}, {what}. Give rows of features, or files.")
        if not np.isfinite(matrix).all():
            what = "got NaN or infinity. Fill in or leave out those rows, or give a data frame, where gaps may stand"
            raise InputError(f"diagnose needs finite numbers in the {name}, {what}.")
        sides.append(DomainRows(matrix, _labels(labels, len(matrix), name), _columns(matrix)))
    widths = [side.features.shape[1] for side in sides]
    if widths[0] != widths[1]:
        what = f"got {widths[1]} and {widths[0]}"
        raise InputError(f"diagnose needs as many columns in the target as in the source, {what}. Give both the same.")
    return TwoDomains(sides[0], sides[1], f"{widths[0]} given features")


def rows_of_examples(
    source: Any,
    target: Any,
    y_source: Any = None,
    y_target: Any = None,
    *,
    label: str | None = None,
    path: str | None = None,
    text: str | None = None,
    modality: str | None = None,
    backbone: str | None = None,
    cache: bool | str | Path = True,
    progress: Progress = silent,
) -> TwoDomains:
    """Domains that are folders, tables, data frames or lists of examples, through one frozen backbone a part.

    Args:
        source: as :func:`headstart.data.read.read` takes it.
        target: the same kind of example; of tables, with the columns of the source. A label column may be missing.
        y_source: (n,) labels beside the source, or None.
        y_target: (m,) labels beside the target, or None.
        label: the column of labels; None: guessed from the source.
        path: the column of paths.
        text: the column of texts.
        modality: the kind of example; None: guessed from the source.
        backbone: what makes features; None: the cheapest pretrained one that is ready.
        cache: True (the user's), False (none), or the folder of the feature cache.
        progress: told of long work.

    Raises:
        InputError: a side is empty, the columns differ, or examples cannot be read.
    """
    found = read(source, y_source, label=label, path=path, text=text, modality=modality)
    kind = found.dataset.modality
    label = label or next((g.value for g in found.guesses if g.what == "label" and "label=<" in g.override), None)
    other = _read_target(target, y_target, found, label=label, path=path, text=text)
    for data, name in ((found.dataset, "source"), (other, "target")):
        if not len(data):
            raise InputError(f"diagnose needs examples in the {name}, got none. Give at least two.")
    together = Dataset(inputs=[*found.dataset.inputs, *other.inputs], modality=kind)
    features, kept, space = _encoded(together, backbone, cache, progress)
    n = len(found.dataset)
    schema = _schema([together.inputs[row] for row in kept]) if kind == "table" else None
    sides = []
    for dataset, rows, begin in ((found.dataset, kept[kept < n], 0), (other, kept[kept >= n], n)):
        targets = None if dataset.targets is None else dataset.targets[rows - begin]
        cells = {} if schema is None else _cells(schema, [together.inputs[row] for row in rows])
        sides.append(DomainRows(features[np.isin(kept, rows)], targets, cells))
    notes = tuple(dict.fromkeys(found.notes))
    if len(kept) < len(together):
        notes = (*notes, f"{len(together) - len(kept):,} examples could not be read and are left out.")
    return TwoDomains(sides[0], sides[1], space, found.dataset.task, notes)


def _read_target(
    data: Any, y_target: Any, found: ReadResult, *, label: str | None, path: str | None, text: str | None
) -> Dataset:
    """The target: labels only where they are said to be labels, by a column of the source's name or by folders."""
    kind = found.dataset.modality
    if isinstance(data, str | os.PathLike) and not Path(data).expanduser().exists():
        read(data)  # refuses it by name, with the nearest one
    is_file = isinstance(data, str | os.PathLike) and Path(data).suffix.lower() in TABLE_SUFFIXES
    is_frame = type(data).__name__ == "DataFrame"
    header: Sequence[Any] = ()
    if is_frame:
        header = list(data.columns)
    elif is_file and Path(data).exists():
        header = list(read_table(Path(data)).columns)
    if kind in ROW_MODALITIES:
        gone = [name for name in found.roles.get("columns", ()) if header and name not in header]
        if gone:
            what = f"got no {', '.join(map(repr, gone[:3]))} in the target"
            raise InputError(f"diagnose needs the same columns on both sides, {what}. Rename or add them.")
    settings: dict[str, Any] = {"path": path, "text": text, "modality": kind}
    has_labels = y_target is not None or (label is not None and label in header)
    if not is_file and not is_frame and isinstance(data, str | os.PathLike):
        named = read(data, y_target, **settings).dataset  # a folder: its classes are labels where the source has them
        known = set(found.dataset.classes)
        return named if known & set(named.classes) else replace(named, targets=None)
    examples = read_examples(data, kind, found.roles, path=path, text=text)
    targets = None
    if has_labels:
        task = found.dataset.task if found.dataset.targets is not None else None
        column = label if y_target is None else None
        targets = read(data, y_target, label=column, task=task, **settings).dataset.targets
    return Dataset(inputs=examples.inputs, ids=np.asarray(examples.ids, dtype=object), targets=targets, modality=kind)


def _encoded(
    dataset: Dataset, backbone: str | None, cache: bool | str | Path, progress: Progress
) -> tuple[NDArray[Any], NDArray[np.int64], str]:
    """(n, d) features of the readable rows, these rows, and the backbones in words."""
    from headstart.data.audit import audit
    from headstart.features.library import FeatureLibrary

    audited = audit(dataset, progress=progress)
    audited.require_readable()
    kept = np.flatnonzero(audited.readable)
    names = [backbone] if backbone is not None else _default_backbones(dataset)
    digests = [audited.digest[row] for row in kept]
    library = FeatureLibrary(dataset.take(kept), digests, cache=cache, progress=progress)
    features: Any = library.features(names)
    dense = np.asarray(features.toarray() if hasattr(features, "toarray") else features)
    return dense.reshape(len(dense), -1), kept.astype(np.int64), f"features of {' + '.join(names)}"


def _default_backbones(dataset: Dataset) -> list[str]:
    """The cheapest pretrained one that is ready, of each part; where there is none, the cheapest at all."""
    from headstart.backbones.registry import is_ready, list_cards
    from headstart.selection.recipe import default_recipes

    parts = list(dataset.inputs[0]) if dataset.modality == "mixed" else [dataset.modality]
    found = []
    for part in parts:
        ready = [card for card in list_cards(part) if is_ready(card)]
        pretrained = [card for card in ready if card.pretraining != "none"]
        if not ready:
            raise InputError(f"diagnose needs a backbone for {part}, got none. Run: headstart backbones list")
        found.append(default_recipes(pretrained or ready, combined=False)[0].backbones[0])
    return found


def _labels(labels: Any, n: int, name: str) -> NDArray[Any] | None:
    if labels is None:
        return None
    values = list(labels)
    if len(values) != n:
        raise InputError(f"diagnose needs one label a row of the {name}, got {len(values)} for {n} rows.")
    found = np.empty(n, dtype=object)
    found[:] = [None if value is None or value != value else value for value in values]
    return found


def _columns(matrix: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {f"column {place}": matrix[:, place] for place in range(matrix.shape[1])}


def _schema(rows: Sequence[Any]) -> Schema:
    """The kinds of the columns, by the rows of both domains: what is constant in one of them is no constant."""
    from headstart.data.table_schema import schema_of

    return schema_of(rows).of_kinds("number", "date", "category")


def _cells(schema: Schema, rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """The columns of rows of a table: numbers (of dates days), and categories."""
    columns = list(zip(*(schema.read(row) for row in rows), strict=True))
    return {
        column.name: np.array(cells, dtype=object if column.kind == "category" else np.float64)
        for column, cells in zip(schema.columns, columns, strict=True)
    }
