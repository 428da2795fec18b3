"""Read examples to predict, without labels, from the columns that a model learnt from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.data.examples import Examples
from headstart.data.read import read
from headstart.data.series_table import SeriesRoles, series_examples
from headstart.data.table import TABLE_SUFFIXES, read_table, table_from_frame
from headstart.data.table_rows import ROW_MODALITIES, RowRoles, examples_of_rows
from headstart.errors import InputError


def read_examples(
    data: Any, modality: str, roles: Mapping[str, Any], *, path: str | None = None, text: str | None = None
) -> Examples:
    """Examples of ``modality`` out of a path, a table or a DataFrame.

    Args:
        data: as :func:`headstart.data.read.read` takes it.
        modality: what the model takes.
        roles: which columns hold what, as :class:`~headstart.data.table_rows.RowRoles` has it; for rows alone.
        path: the column of paths, where examples are files.
        text: the column of texts, where examples are texts.

    Raises:
        InputError: a column is missing, or ``data`` is no table where one is needed.
    """
    is_table = hasattr(data, "iloc") or (
        isinstance(data, str | os.PathLike) and Path(data).suffix.lower() in TABLE_SUFFIXES
    )
    if modality not in ROW_MODALITIES and not (modality == "series" and is_table):
        found = read(data, path=path, text=text, modality=modality).dataset
        return Examples(inputs=list(found.inputs), ids=[str(name) for name in found.ids], modality=modality)
    if hasattr(data, "iloc"):
        table = table_from_frame(data)
    elif isinstance(data, str | os.PathLike) and Path(data).suffix.lower() in TABLE_SUFFIXES:
        table = read_table(Path(data))
    else:
        kinds = ", ".join(sorted(TABLE_SUFFIXES))
        raise InputError(f"predict needs a table ({kinds}) or a DataFrame for this model, got {str(data)[:80]!r}.")
    if modality == "series":
        return series_examples(table, SeriesRoles.from_json(roles))
    return examples_of_rows(table, modality, RowRoles.from_json(roles))
