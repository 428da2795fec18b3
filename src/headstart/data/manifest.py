"""Make examples of a table: which column is what, where the files lie that it names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.columns import guess_columns, named_column
from headstart.data.examples import Examples
from headstart.data.labels import as_text, is_missing
from headstart.data.modalities.modality import modality_of
from headstart.data.series_table import SeriesRoles, numbered_columns, series_examples, window_roles
from headstart.data.split_names import split_name
from headstart.data.table import Table
from headstart.data.table_rows import (
    FEWEST_BESIDE,
    ROW_MODALITIES,
    FeatureColumns,
    RowRoles,
    examples_of_rows,
    feature_columns,
)
from headstart.data.times import as_times
from headstart.errors import InputError
from headstart.tasks.multi_label import from_columns
from headstart.types import Guess

ROLES = ("path", "text", "label", "split", "time", "group", "domain")

Column = str | Sequence[Any] | None


@dataclass(frozen=True)
class Windows:
    """How a table of steps in time is cut.

    Args:
        steps: of a window, or None for the usual.
        horizon: steps ahead of which a number is forecast.
    """

    steps: int | None = None
    horizon: int = 1

    def __post_init__(self) -> None:
        if (self.steps is not None and self.steps < 2) or self.horizon < 1:
            raise InputError(
                f"read needs a window of at least 2 steps and a horizon of at least 1, got {self.steps} and "
                f"{self.horizon}. Raise them."
            )


USUAL_WINDOWS = Windows()


def read_manifest(
    table: Table,
    chosen: dict[str, Column],
    labels: Any = None,
    modality: str | None = None,
    windows: Windows = USUAL_WINDOWS,
) -> Examples:
    """Examples out of ``table``: the files it names, the texts it holds, its rows, or mixtures of these.

    Args:
        table: the table.
        chosen: for each of :data:`ROLES` the column's name, one value a row, or None for a guess; False where there
            are no labels.
        labels: (n,) labels beside the table, which then needs no label column.
        modality: the kind of example, or None for a guess.
        windows: how steps in time are cut.

    Raises:
        InputError: a named column is missing, no column says anything, or none of the files exists.
    """
    taken = {name for name in chosen.values() if isinstance(name, str)} | _join_label_columns(table, chosen)
    columns: dict[str, list[Any]] = {}
    for role, value in chosen.items():  # Values that came one a row are set by the caller.
        if isinstance(value, str):
            columns[role] = named_column(table, role, value)
    known_labels = labels if labels is not None else columns.get("label", chosen.get("label") or None)
    guessed = guess_columns(table, _open_roles(chosen, labels, modality), taken, known_labels)
    columns.update({role: table.columns[guess.value] for role, guess in guessed.items()})
    names = {role: name for role, name in chosen.items() if isinstance(name, str)}
    names |= {role: guess.value for role, guess in guessed.items()}
    features = feature_columns(table, list(names.values()))
    kind = _kind(names, features, chosen, modality)
    if kind == "series":
        return _with_series(table, names, features, windows, guessed, columns.get("label", labels))
    if kind in ROW_MODALITIES:
        examples = _with_rows(table, kind, names, features)
    elif "path" in columns:
        guessed.pop("text", None)
        examples = _with_files(table, columns["path"], modality)
        examples.notes += _repeated_paths(examples, columns.get("label"))
    elif "text" in columns:
        examples = _with_texts(columns["text"])
    else:
        known = ", ".join(repr(name) for name in list(table.columns)[:20])
        raise InputError(
            f"read needs columns to learn from in {table.name!r}, got the columns {known}. Give path=<column> or "
            "text=<column>, or add columns of numbers or categories."
        )
    if kind not in ROW_MODALITIES and features.cells:
        shown = ", ".join(repr(name) for name in features.cells[:5])
        examples.notes.append(f"Not used beside the {kind}s: {shown}. Pass modality='mixed' to use such columns too.")
    examples.guesses = [*table.guesses, *guessed.values(), *examples.guesses]
    if "label" in columns:
        examples.labels = as_text(columns["label"])
    _set_optional(examples, columns, {role for role in columns if role not in guessed})
    return examples


def _open_roles(chosen: dict[str, Column], labels: Any, modality: str | None) -> list[str]:
    """Roles that are to be guessed."""
    roles = [role for role in ROLES if chosen.get(role) is None and not (role == "label" and labels is not None)]
    if modality == "mixed":
        return roles
    if modality in ("table", "series"):
        return [role for role in roles if role not in ("path", "text")]
    if modality == "text" or isinstance(chosen.get("text"), str):
        return [role for role in roles if role != "path"]
    if modality is not None or isinstance(chosen.get("path"), str):
        return [role for role in roles if role != "text"]
    return roles


def _kind(names: dict[str, str], features: FeatureColumns, chosen: dict[str, Column], modality: str | None) -> str:
    """The kind of example: as the user says, or what the columns hold."""
    if modality is not None:
        return modality
    if not {"path", "text"} & set(names):
        return "series" if numbered_columns(features.schema) else "table" if features.cells else ""
    is_named = any(isinstance(chosen.get(role), str) for role in ("path", "text"))
    if not is_named and len(features.cells) >= FEWEST_BESIDE:
        return "mixed"
    return "file" if "path" in names else "text"


def _with_rows(table: Table, kind: str, names: dict[str, str], features: FeatureColumns) -> Examples:
    """Examples made of cells; which ones is kept, so that a model can find them again."""
    path, text = (names.get(role, "") if kind == "mixed" else "" for role in ("path", "text"))
    others = features.texts if kind == "mixed" else ()
    roles = RowRoles(
        path=path,
        kind=kind_of([name for name in table.columns[path] if not is_missing(name)]) if path else "",
        texts=(*([text] if text else []), *others),
        columns=features.cells,
    )
    n_parts = bool(roles.path) + bool(roles.texts) + bool(roles.columns)
    if n_parts < (2 if kind == "mixed" else 1):
        known = ", ".join(repr(name) for name in list(table.columns)[:20])
        raise InputError(
            f"read needs columns for {kind} examples in {table.name!r}, got {known}, of which "
            f"{features.schema.summary()} can be used. Name another modality, or more columns."
        )
    examples = examples_of_rows(table, kind, roles)
    examples.roles = roles.to_json()
    examples.guesses = features.guesses()
    examples.notes = features.notes()
    if kind == "table" and features.texts:
        shown = ", ".join(repr(name) for name in features.texts)
        examples.notes.append(f"Not used: the texts of {shown}. Pass modality='mixed' to use them too.")
    return examples


def _with_series(
    table: Table,
    names: dict[str, str],
    features: FeatureColumns,
    windows: Windows,
    guessed: dict[str, Guess],
    labels: Any,
) -> Examples:
    """A series a row, or windows of steps in time."""
    steps = numbered_columns(features.schema)
    if steps:
        roles = SeriesRoles(steps, is_wide=True)
        why = f"columns {steps[0]!r} to {steps[-1]!r} are numbered"
    else:
        roles = window_roles(names, features.schema, labels, windows.steps, windows.horizon)
        why = "rows are steps in time"
    if not roles.columns:
        raise InputError(
            f"read needs columns of numbers for series in {table.name!r}, got {features.schema.summary()}. Name "
            "another modality."
        )
    examples = series_examples(table, roles, None if roles.is_wide else labels)
    if roles.is_wide:
        columns = {role: table.columns[name] for role, name in names.items()}
        examples.labels = as_text(labels) if labels is not None else None
        _set_optional(examples, columns, set(columns) - set(guessed))
    else:
        shape = f"{roles.window} steps, one every {roles.stride}" + (f", {roles.horizon} ahead" * bool(roles.horizon))
        examples.guesses.append(Guess("windows", shape, why, "window=..., horizon=..."))
    examples.roles = roles.to_json() | {"overlap": roles.overlap}
    examples.guesses = [*table.guesses, *guessed.values(), *examples.guesses, *features.guesses()]
    examples.notes += features.notes()
    return examples


def _join_label_columns(table: Table, chosen: dict[str, Column]) -> set[str]:
    """Turn several named columns of 0 and 1 into one list of labels a row, in ``chosen``; which columns these were."""
    names = chosen.get("label")
    if isinstance(names, str) or not names or not 1 < len(names) != len(table):
        return set()
    if not all(isinstance(name, str) and name in table.columns for name in names):
        return set()
    chosen["label"] = from_columns({name: table.columns[name] for name in names})
    return set(names)


def _with_texts(values: list[Any]) -> Examples:
    odd = next((row for row, value in enumerate(values) if isinstance(value, list)), None)
    if odd is not None:
        raise InputError(f"read needs one text a row, got list under 'text' in row {odd + 1}. Flatten it.")
    texts = ["" if is_missing(value) else str(value) for value in values]
    return Examples(inputs=list(texts), ids=[f"row {row + 1}" for row in range(len(texts))], modality="text")


def _with_files(table: Table, values: list[Any], modality: str | None) -> Examples:
    if not all(isinstance(value, str | os.PathLike) for value in values if not is_missing(value)):
        raise InputError(f"read needs text in the path column of {table.name!r}, got other values. Give path=<column>.")
    ids = ["" if is_missing(value) else os.fspath(value).strip() for value in values]
    paths = [_resolve(table, name) for name in ids]
    absent = [row for row, path in enumerate(paths) if not os.path.exists(path)]
    if len(absent) == len(paths):
        raise InputError(
            f"read needs files that exist, got no readable file: {table.name!r} names {len(paths):,}, the first is "
            f"looked for at {paths[0]!r}. Relative paths start at the table's folder (a DataFrame's at the working "
            "directory)."
        )
    modality = modality or kind_of(paths)
    inputs: list[Any] = [Path(path) for path in paths] if modality == "text" else list(paths)
    examples = Examples(inputs=inputs, ids=ids, modality=modality)
    if absent:
        examples.notes.append(f"{len(absent):,} of {len(paths):,} files do not exist, the first: {ids[absent[0]]!r}.")
    return examples


def kind_of(paths: Sequence[Any]) -> str:
    """The kind that most of the files' endings tell; pictures where none tells any."""
    counts = Counter(kind for kind in map(modality_of, paths) if kind is not None)
    return counts.most_common(1)[0][0] if counts else "image"


def _resolve(table: Table, name: str) -> str:
    path = os.path.abspath(os.path.join(table.folder, name))
    # A table made on Windows writes "a\b.jpg"; elsewhere that is one odd file name.
    if "\\" in name and os.sep == "/" and not os.path.exists(path):
        return os.path.abspath(os.path.join(table.folder, name.replace("\\", "/")))
    return path


def _set_optional(examples: Examples, columns: dict[str, list[Any]], named: set[str]) -> None:
    if "domain" in columns:
        examples.domain = domain_values(columns["domain"])
    if "group" in columns:
        examples.group = group_values(columns["group"])
    if "split" in columns:
        examples.split = split_values(columns["split"])
    if "time" in columns:
        examples.time = time_values(columns["time"], examples, must=("time" in named))


def domain_values(values: Sequence[Any]) -> list[str]:
    """Each value as text, "" where missing."""
    return [text or "" for text in as_text(values)]


def group_values(values: Sequence[Any]) -> list[str]:
    """Each value as text; a row without a group is a group of its own."""
    return [f"row {row}" if text is None else text for row, text in enumerate(as_text(values))]


def split_values(values: Sequence[Any]) -> list[str]:
    """Each value as "train", "val", "test", or "" where missing; InputError for other words."""
    known = {text: split_name(text) for text in as_text(values) if text is not None}
    odd = [text for text, part in known.items() if part is None]
    if odd:
        raise InputError(
            f"read needs train, val or test in the split column, got {odd[0]!r}. Rename the values or give "
            "split=<column>."
        )
    return [known[text] or "" if text is not None else "" for text in as_text(values)]


def time_values(values: Sequence[Any], examples: Examples, *, must: bool) -> Any:
    """(n,) sortable times; where a value is none: an error if the column ``must`` serve, else a note and None."""
    times = as_times(list(values))
    if times is None:
        n_missing = int(np.sum([is_missing(value) for value in values]))
        why = f"{n_missing:,} missing values" if n_missing else "values that are neither numbers nor ISO dates"
        if must:
            raise InputError(
                f"read needs a number or an ISO date in every row of the time column, got {why}. Complete it."
            )
        examples.notes.append(f"The time column has {why} and was left out.")
    return times


def _repeated_paths(examples: Examples, found: Sequence[Any] | None) -> list[str]:
    seen: dict[str, set[str | None]] = {}
    n_repeated = 0
    labels = as_text(found) if found is not None else [None] * len(examples.inputs)
    for path, label in zip(examples.inputs, labels, strict=True):
        n_repeated += path in seen
        seen.setdefault(path, set()).add(label)
    clashes = [path for path, names in seen.items() if len(names) > 1]
    notes = [f"{n_repeated:,} rows name a file that another row names too."] if n_repeated else []
    if clashes:
        names = ", ".join(sorted(repr(name) for name in seen[clashes[0]]))
        notes.append(f"{len(clashes):,} files carry differing labels, the first: {clashes[0]!r} ({names}).")
    return notes
