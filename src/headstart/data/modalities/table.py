"""Rows of a table: a mapping from column to cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import isinf
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding, counted
from headstart.data.labels import is_missing
from headstart.data.modalities.modality import Look
from headstart.data.table_schema import Schema, UnreadableRowError, row_text, schema_of

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN = "table", "row"
SUFFIXES: frozenset[str] = frozenset()
"""A row has no file of its own."""
MEASURES = ("cells", "missing")
SIZE = ("missing cells", "cells")

_MUCH_MISSING = 0.5


def open_example(source: Any, *, schema: Schema | None = None) -> Any:
    """The row; with a schema its cells in that order, read by their kinds."""
    row = _row(source)
    return row if schema is None else schema.read(row)


def look(source: Any) -> Look:
    """Count the cells of one row."""
    row = _row(source)
    for name, cell in row.items():
        if isinstance(cell, float) and isinf(cell):
            raise UnreadableRowError("row", f"has an infinite number in column {name!r}")
        if isinstance(cell, str) and cell.strip().lower() in ("inf", "+inf", "-inf", "infinity", "-infinity"):
            raise UnreadableRowError("row", f"has an infinite number in column {name!r}")
    n_missing = sum(is_missing(cell) for cell in row.values())
    if n_missing == len(row):
        raise UnreadableRowError("row", "has no cell that is filled")
    return Look(_digest(row), (len(row), n_missing))


def digest(source: Any) -> bytes:
    """sha256 of the cells; the order of the columns does not count."""
    return _digest(_row(source))


def _digest(row: Mapping[str, Any]) -> bytes:
    return sha256(b"row\0" + row_text(row).encode("utf-8", "surrogatepass")).digest()


def _row(source: Any) -> Mapping[str, Any]:
    if not isinstance(source, Mapping):
        raise UnreadableRowError(type(source).__name__, "is no mapping from column to cell")
    return source


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """None: rows that are alike are often different things."""
    return np.empty((0, 2), dtype=np.int64)


def sizes(audit: Audit) -> NDArray[np.float64]:
    """Missing cells."""
    return audit.measures["missing"]


def findings(audit: Audit) -> list[Finding]:
    """What the columns hold, and those that hold little."""
    rows: list[Mapping[str, Any]] = [audit.dataset.inputs[row] for row in np.flatnonzero(audit.readable).tolist()]
    schema = schema_of(rows)
    found = [Finding("columns", "note", f"The columns hold {schema.summary()}.")]
    for name, why in schema.left_out:
        found.append(Finding("column_left_out", "warning", f"Column {name!r} is left out: {why}."))
    cells = [schema.read(row) for row in rows if _fits(schema, row)]
    gaps = [sum(cell is None for cell in column) for column in zip(*cells, strict=True)]
    for column, n_gaps in zip(schema.columns, gaps, strict=False):
        share = n_gaps / len(cells)
        if share > _MUCH_MISSING:
            found.append(
                Finding("missing_cells", "warning", f"Column {column.name!r} is empty in {share:.0%} of rows.")
            )
    if any(gaps):
        share = sum(gaps) / (len(cells) * len(gaps))
        who = counted(sum(gaps), "cell", "is", "are")
        found.append(Finding("missing_cells", "note", f"{who} missing ({share:.1%})."))
    return found


def _fits(schema: Schema, row: Mapping[str, Any]) -> bool:
    try:
        schema.read(row)
    except UnreadableRowError:
        return False
    return True
