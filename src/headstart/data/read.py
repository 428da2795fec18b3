"""Read a folder, a table, paths, texts or arrays into a data set, and show what was guessed on the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.examples import Examples
from headstart.data.folder import read_folder
from headstart.data.labels import as_text
from headstart.data.manifest import (
    Column,
    Windows,
    domain_values,
    group_values,
    kind_of,
    read_manifest,
    split_values,
    time_values,
)
from headstart.data.modalities.modality import get_modality, modality_of
from headstart.data.table import TABLE_SUFFIXES, read_table, table_from_frame
from headstart.data.targets import find_targets
from headstart.errors import InputError, MissingPathError
from headstart.tasks.multi_label import from_columns
from headstart.types import Dataset, Guess

_MANIFEST_NAMES = ("manifest", "metadata", "labels", "annotations")
_LAYOUTS = ("folders", "manifest")


@dataclass(frozen=True)
class ReadResult:
    """A data set with what was guessed and what people should know.

    Args:
        dataset: the examples.
        guesses: each thing that was inferred, why, and how to say otherwise.
        notes: sentences about what was left out, missing or odd.
        roles: of examples made of a table's cells: which columns hold what; JSON-able.
    """

    dataset: Dataset
    guesses: tuple[Guess, ...] = ()
    notes: tuple[str, ...] = ()
    roles: dict[str, Any] = field(default_factory=dict)


def read(
    data: Any,
    labels: Any = None,
    *,
    label: Column | bool = None,
    path: str | None = None,
    text: str | None = None,
    domain: Column = None,
    group: Column = None,
    split: Column = None,
    time: Column = None,
    modality: str | None = None,
    layout: str | None = None,
    window: int | None = None,
    horizon: int = 1,
    task: str | None = None,
    normal: str | None = None,
) -> ReadResult:
    """Read examples from wherever they are. Every guess can be overridden.

    Args:
        data: a folder (one folder a class, perhaps below train/val/test), one file, a CSV, TSV, Parquet or JSONL
            table, a DataFrame, a list of paths, texts or arrays, or one array (n, h, w) or (n, h, w, channels).
        labels: (n,) labels beside the data, missing ones None, NaN or ""; or (n, n_labels) of 0 and 1. They replace
            those found in it.
        label: the column with the labels, or several columns of 0 and 1; False where none are to be read.
        path: the column with the paths of the files.
        text: the column with the texts.
        domain: the column with domain names, or one name a row.
        group: the column with group names, or one name a row; rows of one group stay on one side of a split.
        split: the column with train, val or test, or one a row.
        time: the column with times, or one time a row; splits then go forward in time.
        modality: the kind of example, e.g. "image", "text" or "audio"; None for a guess.
        layout: for a folder that also holds a table: "folders" or "manifest".
        window: steps of a window, of a table whose rows are steps in time; None for the usual.
        horizon: steps ahead of which a number is forecast.
        task: "classification", "regression", "multi_label" or "anomaly"; None for a guess from the labels.
        normal: of anomaly detection, the label that means normal; None for a guess.

    Raises:
        MissingPathError: the path does not exist.
        InputError: what is there cannot be used as it is.
    """
    if modality is not None:
        get_modality(modality)
    if layout not in (None, *_LAYOUTS):
        raise InputError(f"read needs layout 'folders' or 'manifest', got {layout!r}. Leave it out for a guess.")
    if isinstance(labels, str):
        raise InputError(
            f"read needs one label a row in labels, got the text {labels!r}. Name a column with label={labels!r}."
        )
    labels = _one_a_row(labels)
    has_none = label is False
    chosen: dict[str, Any] = {
        "path": path, "text": text, "label": label, "domain": domain, "group": group, "split": split, "time": time,
    }  # fmt: skip
    windows = Windows(window, horizon)
    examples = _examples(data, labels, chosen, layout, modality, windows)
    if has_none:
        examples.labels, chosen["label"] = None, None
    _set_beside(examples, labels, chosen)
    if modality is None:
        noun = get_modality(examples.modality).NOUN
        examples.guesses.insert(0, Guess("modality", examples.modality, f"the examples are {noun}s", "modality=..."))
    return _result(
        examples, task=task, normal=normal, explicit=labels is not None or (label is not None and not has_none)
    )


def _examples(
    data: Any, labels: Any, chosen: dict[str, Column], layout: str | None, modality: str | None, windows: Windows
) -> Examples:
    if isinstance(data, str | os.PathLike):
        return _read_path(Path(os.path.abspath(os.path.expanduser(data))), labels, chosen, layout, modality, windows)
    if type(data).__name__ == "DataFrame" and hasattr(data, "iloc"):
        return read_manifest(table_from_frame(data), chosen, labels, modality, windows)
    _refuse_columns(chosen, "a list or an array")
    return _read_sequence(data, modality)


def _refuse_columns(chosen: dict[str, Column], who: str) -> None:
    named = [f"{role}={value!r}" for role, value in chosen.items() if isinstance(value, str)]
    if named:
        raise InputError(
            f"read needs a table for {', '.join(named)}, got {who}, which has no columns. Give one value a row."
        )


def _read_path(
    path: Path, labels: Any, chosen: dict[str, Column], layout: str | None, modality: str | None, windows: Windows
) -> Examples:
    if not path.exists():
        raise MissingPathError(f"read needs a path that exists, got {str(path)!r}.{_nearest(path)}")
    if path.is_dir():
        table = None if layout == "folders" else _manifest_in(path)
        if layout == "manifest" and table is None:
            raise InputError(
                f"read needs one manifest.csv, .tsv or .parquet in {str(path)!r}, got none. Name the table itself."
            )
        if table is None:
            _refuse_columns(chosen, f"the folder {path.name!r}")
            return read_folder(path, modality)
        return _read_table_in_folder(table, labels, chosen, layout, modality)
    kind = modality_of(path)
    if path.suffix.lower() in TABLE_SUFFIXES and not (kind == modality == "text"):
        return read_manifest(read_table(path), chosen, labels, modality, windows)
    if kind is not None:
        _refuse_columns(chosen, f"the {get_modality(kind).NOUN} {path.name!r}")
        return Examples(inputs=[path if kind == "text" else str(path)], ids=[path.name], modality=kind)
    kinds = ", ".join(sorted(TABLE_SUFFIXES))
    raise InputError(f"read needs a folder, a picture or a table ({kinds}), got {path.name!r}. Rename or convert it.")


def _nearest(path: Path) -> str:
    try:
        near = get_close_matches(path.name, os.listdir(path.parent), n=1)
    except OSError:
        near = []
    return f" Did you mean {near[0]!r}?" if near else " Check the spelling and the working directory."


def _manifest_in(folder: Path) -> Path | None:
    tables = [
        entry
        for entry in sorted(folder.iterdir())
        if entry.suffix.lower() in TABLE_SUFFIXES and entry.stem.lower() in _MANIFEST_NAMES and entry.is_file()
    ]
    return tables[0] if len(tables) == 1 else None


def _read_table_in_folder(
    table: Path, labels: Any, chosen: dict[str, Column], layout: str | None, modality: str | None
) -> Examples:
    """The table if it describes the folder it lies in, else the folder itself."""
    must = layout == "manifest" or any(isinstance(value, str) for value in chosen.values())
    try:
        examples = read_manifest(read_table(table), chosen, labels, modality)
        if not must and examples.labels is None and labels is None and chosen["label"] is None:
            raise InputError("it has no label column.")
    except InputError as error:
        if must:
            raise
        examples = read_folder(table.parent, modality)
        examples.notes.append(f"{table.name} stands in the folder and was not used: {error}")
        return examples
    why = f"{table.name} stands in the folder and names {len(examples.inputs):,} files"
    examples.guesses.insert(0, Guess("layout", "manifest", why, "layout='folders'"))
    return examples


def _read_sequence(data: Any, modality: str | None) -> Examples:
    if modality == "series":
        return Examples(inputs=list(data), ids=[f"row {row + 1}" for row in range(len(data))], modality="series")
    if isinstance(data, np.ndarray) and data.dtype.kind in "uif" and data.ndim not in (3, 4):
        raise InputError(
            f"read needs pictures as an array (n, h, w) or (n, h, w, channels), got shape {data.shape}. Reshape it, or "
            "pass modality='series'."
        )
    if isinstance(data, bytes | bytearray | dict | set) or not hasattr(data, "__iter__"):
        raise InputError(
            f"read needs a path, a table, a list or an array, got {type(data).__name__}. Put one example into a list."
        )
    if isinstance(data, np.ndarray):
        data = data.view()
        data.setflags(write=False)
    items = list(data)
    if not items:
        raise InputError("read needs at least one example, got an empty list. Check how it was made.")
    odd = next(
        (i for i, item in enumerate(items) if not isinstance(item, str | os.PathLike | np.ndarray | bytes)), None
    )
    if odd is not None:
        kind = type(items[odd]).__name__
        raise InputError(
            f"read needs paths, texts or arrays in the list, got {kind} at position {odd}. Turn it into an array."
        )
    if modality == "text" or (modality is None and _are_texts(items)):
        return Examples(inputs=items, ids=[_short_id(item, i) for i, item in enumerate(items)], modality="text")
    return _files_or_arrays(items, modality)


def _short_id(item: Any, position: int) -> str:
    return os.fspath(item) if isinstance(item, os.PathLike) else f"row {position + 1}"


def _are_texts(items: Sequence[Any]) -> bool:
    """True for strings of which few end like files, and paths to documents."""
    texts = sum(
        modality_of(item) in (None, "text") and not (isinstance(item, str) and _is_file(item))
        for item in items
        if isinstance(item, str | os.PathLike)
    )
    return texts > len(items) / 2


def _is_file(text: str) -> bool:
    try:
        return os.path.exists(text)
    except (OSError, ValueError):
        return False


def _files_or_arrays(items: Sequence[Any], modality: str | None) -> Examples:
    inputs = [os.path.abspath(item) if isinstance(item, str | os.PathLike) else item for item in items]
    ids = [os.fspath(item) if isinstance(item, str | os.PathLike) else str(i) for i, item in enumerate(items)]
    paths = [item for item in inputs if isinstance(item, str)]
    examples = Examples(inputs=inputs, ids=ids, modality=modality or (kind_of(paths) if paths else "image"))
    absent = [i for i, item in enumerate(inputs) if isinstance(item, str) and not os.path.exists(item)]
    if len(absent) == len(inputs):
        raise InputError(
            f"read needs files that exist, got no readable file: the first of {len(inputs):,} is {inputs[0]!r}. Check "
            "the paths."
        )
    if absent:
        examples.notes.append(f"{len(absent):,} of {len(inputs):,} files do not exist, the first: {ids[absent[0]]!r}.")
    return examples


def _one_a_row(labels: Any) -> Any:
    """A table of 0 and 1 as one list of labels a row; anything else as it is."""
    if type(labels).__name__ == "DataFrame" and hasattr(labels, "iloc"):
        return from_columns({str(name): labels[name].tolist() for name in labels.columns})
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        return from_columns({f"label {i}": column.tolist() for i, column in enumerate(labels.T)})
    return labels


def _set_beside(examples: Examples, labels: Any, chosen: dict[str, Column]) -> None:
    """Put values that came one a row into ``examples``."""
    n = len(examples.inputs)
    beside = {role: value for role, value in chosen.items() if value is not None and not isinstance(value, str)}
    if labels is not None:
        beside["label"] = labels
    for role, values in beside.items():
        found = list(values)
        if len(found) != n:
            raise InputError(
                f"read needs one {role} a row, got {len(found):,} for {n:,} rows. Give both in the same order."
            )
        if role == "time":
            examples.time = time_values(found, examples, must=True)
        elif role == "split":
            examples.split = split_values(found)
        elif role == "group":
            examples.group = group_values(found)
        elif role == "domain":
            examples.domain = domain_values(found)
        elif role == "label":
            examples.labels, examples.labels_are_names = as_text(found), False
        examples.guesses = [guess for guess in examples.guesses if guess.what != role]


def _result(examples: Examples, *, task: str | None, normal: str | None, explicit: bool) -> ReadResult:
    n = len(examples.inputs)
    if examples.labels is not None and not any(label is not None for label in examples.labels):
        if explicit:
            raise InputError(
                f"read needs at least one label, got {n:,} rows of which all labels are missing. Fill the column or "
                "name another."
            )
        examples.labels = None
    found = find_targets(examples.labels, examples.ids, task=task, normal=normal, are_names=examples.labels_are_names)
    if found.values is None and not any("unlabelled" in note for note in examples.notes):
        examples.notes.append("No labels were found: all rows are unlabelled.")
    dataset = Dataset(
        inputs=examples.inputs,
        targets=_column(found.values),
        classes=found.classes,
        modality=examples.modality,
        domain=_column(examples.domain),
        group=_column(examples.group),
        time=examples.time,
        split=_column(examples.split),
        ids=_column(examples.ids),
        task=found.task,
    )
    guesses = (*examples.guesses, *found.guesses)
    return ReadResult(dataset, guesses, (*examples.notes, *found.notes), examples.roles)


def _column(values: Sequence[Any] | None) -> Any:
    if values is None:
        return None
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
