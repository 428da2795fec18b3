"""A table's cells as arrays, by the columns that a network knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.training.table.column import N_BINS, TableColumn

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True, eq=False)
class TableCells:
    """n rows in the order of c columns; a column that the table lacks is missing in every row.

    Args:
        bins: (n, c, N_BINS) float32 of numbers; 0 elsewhere.
        codes: (n, c) int64 of categories; 0 elsewhere.
        present: (n, c) True where there is a value.
    """

    bins: NDArray[np.float32]
    codes: NDArray[np.int64]
    present: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.present)

    def tensors(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Some rows as tensors."""
        import torch

        bins, codes, present = (torch.from_numpy(part[rows]) for part in (self.bins, self.codes, self.present))
        return bins, codes, present


def check_frame(who: str, frame: Any) -> None:
    """See that ``frame`` is a table.

    Raises:
        InputError: it is no DataFrame, has no column, or two of one name.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{who} needs a pandas DataFrame, got {type(frame).__name__}. Give the columns names.")
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise InputError(f"{who} needs columns of different names, got {twice or 'none'}. Rename them.")


def read_cells(columns: Sequence[TableColumn], frame: Any) -> TableCells:
    """The cells of a DataFrame; columns that are not among ``columns`` are passed over."""
    n = len(frame)
    bins = np.zeros((n, len(columns), N_BINS), dtype=np.float32)
    codes = np.zeros((n, len(columns)), dtype=np.int64)
    present = np.zeros((n, len(columns)), dtype=bool)
    by_name = {str(name): place for place, name in enumerate(frame.columns)}
    for place, column in enumerate(columns):
        if column.name not in by_name:
            continue
        cells = frame.iloc[:, by_name[column.name]]
        if column.kind == "number":
            found = column.bins(cells)
            present[:, place] = ~np.isnan(found[:, 0])
            bins[:, place] = np.nan_to_num(found)
        else:
            named = column.codes(cells)
            present[:, place] = named >= 0
            codes[:, place] = np.maximum(named, 0)
    return TableCells(bins, codes, present)
