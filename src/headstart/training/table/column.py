"""A column of a table: what its cells can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

N_BINS = 16
"""Most intervals that the numbers of a column are cut into."""

MAX_VALUES = 256
"""Most categories of a column that are told apart; the rarer ones are one."""


@final
@dataclass(frozen=True)
class TableColumn:
    """A column by name.

    Args:
        name: its name in the table.
        kind: "number" or "category".
        knots: of a number, ascending: quantiles of the values, all different.
        values: of a category, the names, the most frequent first.
    """

    name: str
    kind: str
    knots: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    def bins(self, cells: Any) -> NDArray[np.float32]:
        """(n, N_BINS) share of each interval that lies below a number, NaN where the cell is missing.

        Source: Gorishniy, Rubachev and Babenko, On embeddings for numerical features, NeurIPS 2022 (piecewise linear).
        """
        numbers = numbers_of(self.name, cells)
        low, high = np.array(self.knots[:-1]), np.array(self.knots[1:])
        result = np.zeros((len(numbers), N_BINS), dtype=np.float32)
        if len(low):
            result[:, : len(low)] = np.clip((numbers[:, None] - low) / (high - low), 0, 1)
        result[np.isnan(numbers)] = np.nan
        return result

    def codes(self, cells: Any) -> NDArray[np.int64]:
        """(n,) place among ``values``, their number for another name, -1 where the cell is missing."""
        place = {value: code for code, value in enumerate(self.values)}
        return np.array(
            [-1 if name is None else place.get(name, len(place)) for name in names_of(cells)], dtype=np.int64
        )


def learn_column(name: str, cells: Any) -> TableColumn | None:
    """The column that a pandas Series makes; None where every cell is missing.

    Raises:
        InputError: a number is infinite.
    """
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

    if cells.isna().all():
        return None
    if is_datetime64_any_dtype(cells) or (is_numeric_dtype(cells) and not is_bool_dtype(cells)):
        numbers = numbers_of(name, cells)
        knots = np.unique(np.nanquantile(numbers, np.linspace(0, 1, N_BINS + 1)))
        return TableColumn(name, "number", knots=tuple(float(knot) for knot in knots))
    return TableColumn(name, "category", values=tuple(_most_frequent(cells, MAX_VALUES)))


def with_more_values(column: TableColumn, cells: Any) -> TableColumn:
    """The same column with categories that ``cells`` add, behind those it has."""
    if column.kind == "number":
        return column
    new = [value for value in _most_frequent(cells, MAX_VALUES) if value not in set(column.values)]
    return TableColumn(column.name, "category", values=(*column.values, *new)[:MAX_VALUES])


def numbers_of(name: str, cells: Any) -> NDArray[np.float64]:
    """(n,) numbers, NaN where a cell is missing or no number; times as seconds since 1970.

    Raises:
        InputError: one is infinite.
    """
    import pandas as pd
    from pandas.api.types import is_datetime64_any_dtype

    if is_datetime64_any_dtype(cells):
        utc = pd.to_datetime(cells, utc=True)
        cells = (utc - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    found = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    numbers: NDArray[np.float64] = np.asarray(found)
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise InputError(
            f"Column {name!r} needs finite numbers, got {numbers[infinite[0]]} in row {infinite[0]} (counted from 0). "
            "Leave the cell empty where the number is not known."
        )
    return numbers


def names_of(cells: Any) -> list[str | None]:
    """N names; a whole number is written without a point, so that 1, 1.0 and "1" are one; None where missing."""
    missing = cells.isna().to_numpy()
    return [None if gone else _name(cell) for cell, gone in zip(cells.tolist(), missing, strict=True)]


def _name(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _most_frequent(cells: Any, n: int) -> list[str]:
    from collections import Counter

    counts = Counter(name for name in names_of(cells) if name is not None)
    return sorted(counts, key=lambda name: (-counts[name], name))[:n]
