"""Rows of a table as examples: all columns together, or parts of several kinds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headstart.data.columns import named_column
from headstart.data.examples import Examples
from headstart.data.labels import is_missing
from headstart.data.table import Table
from headstart.data.table_schema import Schema, schema_of
from headstart.types import Guess

ROW_MODALITIES = ("table", "mixed")
"""Kinds of example that are made of a row's cells."""

FEWEST_BESIDE = 3
"""With this many columns beside paths or texts, rows are taken for mixed unless the user says otherwise."""


@dataclass(frozen=True)
class RowRoles:
    """Which columns of a table make an example.

    Args:
        path: the column of paths, or "".
        kind: what its files hold, e.g. "image".
        texts: columns of texts, read one after the other.
        columns: those of numbers, categories and dates.
    """

    path: str = ""
    kind: str = ""
    texts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RowRoles:
        """Back from :meth:`to_json`."""
        return cls(
            str(content.get("path", "")),
            str(content.get("kind", "")),
            tuple(content.get("texts", ())),
            tuple(content.get("columns", ())),
        )


def examples_of_rows(table: Table, modality: str, roles: RowRoles) -> Examples:
    """One example a row: a mapping from column to cell, or of mixed ones from part to example.

    Args:
        table: the table; a column of cells that it lacks is told when a row is opened.
        modality: one of :data:`ROW_MODALITIES`.
        roles: which columns.

    Raises:
        InputError: the column of paths or of texts is missing.
    """
    n = len(table)
    present = [name for name in roles.columns if name in table.columns]
    rows = [{name: table.columns[name][row] for name in present} for row in range(n)]
    ids = [f"row {row + 1}" for row in range(n)]
    if modality == "table":
        return Examples(inputs=rows, ids=ids, modality="table")
    parts: dict[str, list[Any]] = {}
    if roles.path:
        names = named_column(table, "path", roles.path)
        parts[roles.kind] = [_file(table, name) for name in names]
        ids = [os.fspath(name).strip() if not is_missing(name) else ids[row] for row, name in enumerate(names)]
    if roles.texts:
        columns = [named_column(table, "text", name) for name in roles.texts]
        parts["text"] = [_joined(cells) for cells in zip(*columns, strict=True)]
    if roles.columns:
        parts["table"] = [None if all(is_missing(cell) for cell in row.values()) else row for row in rows]
    inputs = [{name: parts[name][row] for name in sorted(parts)} for row in range(n)]
    return Examples(inputs=inputs, ids=ids, modality="mixed")


def _file(table: Table, name: Any) -> str | None:
    return None if is_missing(name) else os.path.abspath(os.path.join(table.folder, os.fspath(name).strip()))


def _joined(cells: Sequence[Any]) -> str | None:
    told = [str(cell) for cell in cells if not is_missing(cell)]
    return "\n".join(told) if told else None


@dataclass(frozen=True)
class FeatureColumns:
    """The columns that nobody has given another role.

    Args:
        schema: their kinds.
    """

    schema: Schema

    @property
    def cells(self) -> tuple[str, ...]:
        """Names of the columns of numbers, categories and dates that may be learnt from."""
        return tuple(column.name for column in self.schema.of_kinds("number", "category", "date").columns)

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of the columns of texts."""
        return tuple(column.name for column in self.schema.of_kinds("text").columns)

    def guesses(self) -> list[Guess]:
        """What the columns were taken for."""
        return [Guess("columns", self.schema.summary(), "that is what stands in them", "other columns in the table")]

    def notes(self) -> list[str]:
        """Which columns are left out, and why."""
        return [f"Column {name!r} is left out: {why}." for name, why in self.schema.left_out]


def feature_columns(table: Table, taken: Sequence[str]) -> FeatureColumns:
    """The columns of ``table`` that no role has taken.

    Args:
        table: the table.
        taken: columns with another role.
    """
    names = [name for name in table.columns if name not in taken]
    rows = [{name: table.columns[name][row] for name in names} for row in range(len(table))]
    return FeatureColumns(schema_of(rows) if names and rows else Schema(()))
