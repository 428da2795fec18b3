"""Cells of a table as numbers that any head can learn from; what it takes is learnt from some rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.table_schema import Schema, category

MOST_CATEGORIES = 48
"""Of a column this many of the most frequent categories get a number of their own."""
FEW_NUMBERS = 10
"""A column of at most this many different whole numbers may be codes: each gets a number of its own too."""
_FAR = 10.0
"""Standardised numbers beyond this are cut, so that one wrong entry does not rule a linear head."""
_YEAR, _WEEK = 365.2425, 7.0

Cells = Sequence[tuple[float | str | None, ...]]


@dataclass(frozen=True)
class ColumnCode:
    """How one column becomes numbers.

    Args:
        name: of the column.
        kind: "number", "category" or "date".
        centre: median of the numbers.
        spread: standard deviation of the numbers.
        categories: those that get a number of their own, the most frequent first.
        may_miss: True where cells were missing, which gets a number of its own.
        has_hours: True for dates with a time of day.
    """

    name: str
    kind: str
    centre: float = 0.0
    spread: float = 1.0
    categories: tuple[str, ...] = ()
    may_miss: bool = False
    has_hours: bool = False

    @property
    def names(self) -> list[str]:
        """What each number is called."""
        found = []
        if self.kind in ("number", "date"):
            found.append(self.name)
        if self.kind == "date":
            found += [f"{self.name} {part} {wave}" for part in ("year", "week") for wave in ("sin", "cos")]
            found += [f"{self.name} day {wave}" for wave in ("sin", "cos")] if self.has_hours else []
        found += [f"{self.name}={value}" for value in self.categories]
        return [*found, f"{self.name} is missing"] if self.may_miss else found

    def encode(self, cells: Sequence[float | str | None]) -> NDArray[np.float64]:
        """(n, len(names)) numbers."""
        columns: list[NDArray[np.float64]] = []
        if self.kind in ("number", "date"):
            numbers = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
            known = np.where(np.isnan(numbers), self.centre, numbers)
            columns.append(np.clip((known - self.centre) / self.spread, -_FAR, _FAR))
            if self.kind == "date":
                columns += self._waves(known)
        names = [None if cell is None else category(cell) for cell in cells] if self.categories else []
        columns += [np.array([name == value for name in names], dtype=np.float64) for value in self.categories]
        if self.may_miss:
            columns.append(np.array([cell is None for cell in cells], dtype=np.float64))
        return np.stack(columns, axis=1) if columns else np.zeros((len(cells), 0))

    def _waves(self, days: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        periods = [_YEAR, _WEEK, *([1.0] if self.has_hours else [])]
        return [wave(2 * np.pi * days / period) for period in periods for wave in (np.sin, np.cos)]


@dataclass(frozen=True)
class ColumnEncoding:
    """How a row becomes numbers.

    Args:
        schema: the columns that are read.
        codes: how each of them is encoded.
    """

    schema: Schema
    codes: tuple[ColumnCode, ...]

    @property
    def names(self) -> list[str]:
        """What each number of a row is called."""
        return [name for code in self.codes for name in code.names]

    def encode(self, rows: Cells) -> NDArray[np.float32]:
        """(n, dim) of rows that were read by the schema."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.codes)
        parts = [code.encode(cells) for code, cells in zip(self.codes, columns, strict=True)]
        whole = np.concatenate(parts, axis=1) if parts else np.zeros((len(rows), 0))
        return whole.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {"schema": self.schema.to_json(), "codes": [asdict(code) for code in self.codes]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ColumnEncoding:
        """Back from :meth:`to_json`."""
        codes = tuple(ColumnCode(**entry | {"categories": tuple(entry["categories"])}) for entry in content["codes"])
        return cls(Schema.from_json(content["schema"]), codes)


def learn_encoding(schema: Schema, rows: Cells) -> ColumnEncoding:
    """What the columns of ``rows`` need: medians, spreads, categories.

    Args:
        schema: how the rows were read; texts are left to others.
        rows: at least one.
    """
    columns = list(zip(*rows, strict=True))
    codes = tuple(_learn(c.name, c.kind, cells) for c, cells in zip(schema.columns, columns, strict=True))
    return ColumnEncoding(schema, codes)


def _learn(name: str, kind: str, cells: Sequence[float | str | None]) -> ColumnCode:
    told = [cell for cell in cells if cell is not None]
    may_miss = 0 < len(told) < len(cells)
    if kind == "category":
        return ColumnCode(name, kind, categories=_categories(told), may_miss=may_miss)
    numbers = np.array(told, dtype=np.float64)
    if not len(numbers):
        return ColumnCode(name, kind, may_miss=may_miss)
    distinct = np.unique(numbers)
    is_coded = kind == "number" and 2 < len(distinct) <= FEW_NUMBERS and not np.mod(distinct, 1).any()
    return ColumnCode(
        name,
        kind,
        centre=float(np.median(numbers)),
        spread=_spread(numbers),
        categories=_categories(told) if is_coded else (),
        may_miss=may_miss,
        has_hours=kind == "date" and bool(np.mod(numbers, 1).any()),
    )


def _spread(numbers: NDArray[np.float64]) -> float:
    """The standard deviation, or what stands for it where far values rule it."""
    deviation = float(numbers.std())
    low, high = np.quantile(numbers, (0.25, 0.75))
    robust = float(high - low) / 1.349
    spread = min(deviation, 3.0 * robust) if robust > 0 else deviation
    return spread if math.isfinite(spread) and spread > 0 else 1.0


def _categories(cells: Sequence[float | str]) -> tuple[str, ...]:
    """The most frequent ones, ties in the order of the alphabet; one of two says it all."""
    counts = Counter(category(cell) for cell in cells)
    ordered = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]
    return tuple(ordered[1:] if len(counts) == 2 else ordered)
