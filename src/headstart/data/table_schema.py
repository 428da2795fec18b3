"""What kind of thing stands in each column of a table, and a row read accordingly."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headstart.data.labels import is_missing
from headstart.data.raw_file import UnreadableError

KINDS = ("number", "category", "date", "text")
"""What a column can hold."""

MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--", "."})
"""Cells that say, in any case, that there is nothing; in a column of categories only the blank and "nan" do."""

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?")
_MOSTLY = 0.98
"""Share of the cells that must be numbers or dates for the column to be of them."""
_TEXT_WORDS = 4
"""Columns of mostly different strings with this many words on average are texts."""
_IDENTIFIERS = re.compile(r"(^|_)(id|uuid|guid|编号)$|^index$|^unnamed", re.IGNORECASE)


class UnreadableRowError(UnreadableError):
    """A row lacks a column, or holds what its columns cannot.

    Args:
        source: what the row is called.
        reason: what is wrong, a predicate in words.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "table", "a row with the columns that were learnt from")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: as the table has it.
        kind: one of :data:`KINDS`.
    """

    name: str
    kind: str


@dataclass(frozen=True)
class Schema:
    """The columns that say something, by name; any order of them will do in a row.

    Args:
        columns: the kinds, in the order of the table.
        left_out: column -> why it says nothing.
    """

    columns: tuple[Column, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    def read(self, row: Mapping[str, Any]) -> tuple[float | str | None, ...]:
        """The cells in the schema's order: numbers, days since 1970 for dates, strings; None where missing.

        Raises:
            UnreadableRowError: a column is missing, a cell is infinite or of another kind.
        """
        absent = [column.name for column in self.columns if column.name not in row]
        if absent:
            named = ", ".join(repr(name) for name in absent[:3])
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            raise UnreadableRowError("row", f"has no column {named}{more}")
        return tuple(_cell(column, row[column.name]) for column in self.columns)

    def summary(self) -> str:
        """How many columns there are of each kind.

        >>> Schema((Column("age", "number"), Column("town", "category"))).summary()
        '1 number, 1 category'
        """
        counts = [(kind, sum(column.kind == kind for column in self.columns)) for kind in KINDS]
        plural = {"category": "categories"}
        names = (f"{n} {kind if n == 1 else plural.get(kind, kind + 's')}" for kind, n in counts if n)
        return ", ".join(names) or "no columns"

    def of_kinds(self, *kinds: str) -> Schema:
        """Only the columns of these kinds."""
        return Schema(tuple(column for column in self.columns if column.kind in kinds), self.left_out)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Schema:
        """Back from :meth:`to_json`."""
        columns = tuple(Column(str(entry["name"]), str(entry["kind"])) for entry in content["columns"])
        return cls(columns, tuple((str(name), str(why)) for name, why in content["left_out"]))


def schema_of(rows: Sequence[Mapping[str, Any]]) -> Schema:
    """The kinds of the columns of ``rows``, guessed from what stands in them.

    A column with nothing, or nothing but one value, is left out, and so is one that only names its row.

    Args:
        rows: column -> cell, of plain values; every row has the same columns.
    """
    names = list(rows[0]) if rows else []
    columns: list[Column] = []
    left_out: list[tuple[str, str]] = []
    for name in names:
        kind, why = _kind(name, [row.get(name) for row in rows])
        if why:
            left_out.append((name, why))
        else:
            columns.append(Column(name, kind))
    return Schema(tuple(columns), tuple(left_out))


def _kind(name: str, cells: list[Any]) -> tuple[str, str]:
    """The kind of a column; or "" and why it says nothing."""
    present = [cell for cell in cells if not is_missing(cell)]
    told = [cell for cell in present if not (isinstance(cell, str) and cell.strip().lower() in MISSING_WORDS)]
    if not told:
        return "", "all its cells are missing"
    distinct = {str(cell) for cell in told}
    is_full = len(told) == len(cells)
    if len(distinct) == 1 and is_full:
        return "", "all its cells are the same"
    if _IDENTIFIERS.search(name.strip()) and len(distinct) == len(told) and not any("." in cell for cell in distinct):
        return "", "it names the row"
    if not any(isinstance(cell, bool) for cell in told):
        if sum(_number(cell) is not None for cell in told) >= _MOSTLY * len(told):
            return "number", ""
        if sum(_days(cell) is not None for cell in told) >= _MOSTLY * len(told):
            return "date", ""
    return _kind_of_strings([str(cell) for cell in present], is_full=is_full)


def _kind_of_strings(cells: list[str], *, is_full: bool) -> tuple[str, str]:
    distinct = set(cells)
    words = sum(len(cell.split()) for cell in cells) / len(cells)
    characters = sum(len(cell) for cell in cells) / len(cells)
    is_wordy = words >= _TEXT_WORDS or (characters >= 12 and not any(cell.isascii() for cell in cells[:20]))
    if is_wordy and len(distinct) > 0.5 * len(cells):
        return "text", ""
    if len(distinct) == len(cells) and is_full and len(cells) >= 20:
        return "", "its cells are all different and no texts"
    return "category", ""


def _cell(column: Column, cell: Any) -> float | str | None:
    if is_missing(cell):
        return None
    if column.kind == "number":
        return _told_number(column, cell)
    if column.kind == "date":
        if isinstance(cell, str) and cell.strip().lower() in MISSING_WORDS:
            return None
        days = _days(cell)
        if days is None:
            raise UnreadableRowError("row", f"has {str(cell)[:40]!r} in column {column.name!r}, which holds dates")
        return days
    return category(cell)


def _told_number(column: Column, cell: Any) -> float | None:
    if isinstance(cell, str) and cell.strip().lower() in MISSING_WORDS:
        return None
    number = _number(cell)
    if number is None:
        raise UnreadableRowError("row", f"has {str(cell)[:40]!r} in column {column.name!r}, which holds numbers")
    if math.isinf(number):
        raise UnreadableRowError("row", f"has an infinite number in column {column.name!r}")
    return number


def category(cell: Any) -> str:
    """The name of a category; 1.0 and "1" are one.

    >>> category(1.0), category(" red "), category(True)
    ('1', 'red', 'True')
    """
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return text[:-2] if re.fullmatch(r"[+-]?\d+\.0", text) else text


def _number(cell: Any) -> float | None:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def _days(cell: Any) -> float | None:
    """Days since the beginning of 1970, UTC where the time says no zone."""
    from datetime import UTC, date, datetime

    moment: datetime
    if isinstance(cell, datetime):  # pandas' Timestamp among them
        moment = cell
    elif isinstance(cell, date):
        moment = datetime(cell.year, cell.month, cell.day)
    elif isinstance(cell, str) and _DATE.fullmatch(cell.strip()):
        try:
            moment = datetime.fromisoformat(cell.strip())
        except ValueError:
            return None
    else:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return moment.timestamp() / 86_400


def row_text(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON, columns sorted: the same for any order of the columns."""
    return json.dumps({name: _plain(row[name]) for name in sorted(row)}, ensure_ascii=False)


def _plain(cell: Any) -> Any:
    if is_missing(cell):
        return None
    if isinstance(cell, str | int | float | bool):
        return cell
    return str(cell)
