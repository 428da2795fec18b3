"""Time series out of a table: a series a row, or windows of a table whose rows are steps in time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.columns import named_column
from headstart.data.examples import Examples
from headstart.data.labels import as_text, is_missing
from headstart.data.table import Table
from headstart.data.table_schema import Column, Schema, UnreadableRowError
from headstart.data.times import as_times
from headstart.errors import InputError

FEWEST_STEPS = 16
"""So many numbered columns in a row are the steps of a series."""
WINDOW = 32
"""Steps of a window unless the user says otherwise."""
_NUMBERED = re.compile(r"(.*?)(\d+)")
_MANY_VALUES = 20


@dataclass(frozen=True)
class SeriesRoles:
    """How a table holds series.

    Args:
        columns: the steps, or the values that a step has.
        is_wide: True for a series a row.
        window: steps of a window.
        stride: steps from one window to the next.
        horizon: steps from the end of a window to the value that is forecast; 0: the window is labelled itself.
        time: column of times by which steps are sorted, or "".
        group: column that tells several series apart, or "".
        target: the column that is forecast, which is a value of each step too, or "".
    """

    columns: tuple[str, ...]
    is_wide: bool = False
    window: int = WINDOW
    stride: int = 1
    horizon: int = 0
    time: str = ""
    group: str = ""
    target: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SeriesRoles:
        """Back from :meth:`to_json`."""
        known = {name: content[name] for name in cls.__dataclass_fields__ if name in content}
        return cls(**known | {"columns": tuple(content["columns"])})

    @property
    def overlap(self) -> int:
        """How many windows after one still share a step with it, or the value that it forecasts."""
        return 0 if self.is_wide else (self.window + self.horizon - 1) // self.stride


def numbered_columns(schema: Schema) -> tuple[str, ...]:
    """The columns that are called like the steps of a series: one name with rising numbers; () where there are none."""
    numbers = [column.name for column in schema.of_kinds("number").columns]
    runs: dict[str, list[tuple[int, str]]] = {}
    for name in numbers:
        found = _NUMBERED.fullmatch(name.strip())
        if found:
            runs.setdefault(found[1], []).append((int(found[2]), name))
    best = max(runs.values(), key=len, default=[])
    steps = [step for step, _ in best]
    is_run = len(best) >= FEWEST_STEPS and steps == list(range(steps[0], steps[0] + len(steps)))
    return tuple(name for _, name in best) if is_run and len(best) >= 0.9 * len(numbers) else ()


def window_roles(
    names: Mapping[str, str], schema: Schema, labels: Sequence[Any] | None, window: int | None, horizon: int
) -> SeriesRoles:
    """How steps in time are cut into windows.

    Args:
        names: role -> column, of "label", "time" and "group".
        schema: of the columns without a role.
        labels: (n,) label of each step, or None.
        window: steps of a window, or None for the usual.
        horizon: steps ahead of which a number is forecast.
    """
    columns = tuple(column.name for column in schema.of_kinds("number").columns)
    window = WINDOW if window is None else window
    is_forecast = labels is not None and _is_quantity(labels)
    target = names.get("label", "") if is_forecast else ""
    return SeriesRoles(
        columns=((target,) if target else ()) + columns,
        window=window,
        stride=1 if is_forecast else max(1, window // 2),
        horizon=horizon if is_forecast else 0,
        time=names.get("time", ""),
        group=names.get("group", ""),
        target=target,
    )


def _is_quantity(labels: Sequence[Any]) -> bool:
    told = [label for label in as_text(labels) if label is not None]
    try:
        numbers = {float(label) for label in told}
    except ValueError:
        return False
    return len(numbers) > _MANY_VALUES


def series_examples(table: Table, roles: SeriesRoles, labels: Sequence[Any] | None = None) -> Examples:
    """The series of a table; with labels only those windows that have one.

    Args:
        table: the table.
        roles: how it holds series.
        labels: (n,) label of each row, or None to predict.

    Raises:
        InputError: a column is missing, or there are fewer steps than a window has.
        UnreadableRowError: a cell is no number.
    """
    columns = [Column(name, "number") for name in roles.columns]
    for column in columns:
        named_column(table, "series", column.name)
    schema = Schema(tuple(columns))
    rows = [{name: table.columns[name][row] for name in roles.columns} for row in range(len(table))]
    if roles.is_wide:
        inputs: list[Any] = [_wide(schema, row) for row in rows]
        return Examples(inputs=inputs, ids=[f"row {row + 1}" for row in range(len(rows))], modality="series")
    return _windows(table, roles, np.array([_numbers(schema, row) for row in rows]), labels)


def _numbers(schema: Schema, row: Mapping[str, Any]) -> list[float]:
    return [np.nan if cell is None else float(cell) for cell in schema.read(row)]


def _wide(schema: Schema, row: Mapping[str, Any]) -> Any:
    try:
        return np.array(_numbers(schema, row))
    except UnreadableRowError:
        return np.array(list(row.values()), dtype=object)  # The audit says of it what is wrong.


def _windows(table: Table, roles: SeriesRoles, values: NDArray[np.float64], labels: Sequence[Any] | None) -> Examples:
    groups = as_text(named_column(table, "group", roles.group)) if roles.group else [None] * len(table)
    times = as_times(list(named_column(table, "time", roles.time))) if roles.time else np.arange(float(len(table)))
    if times is None:
        raise InputError(f"read needs a time in every row of {roles.time!r} to cut windows, got others. Complete it.")
    told = as_text(labels) if labels is not None else None
    found = Examples(inputs=[], ids=[], modality="series", labels=None if told is None else [])
    moments: list[Any] = []
    names: list[str] = []
    for name in dict.fromkeys(groups):
        rows = np.array([row for row, group in enumerate(groups) if group == name])
        rows = rows[np.argsort(times[rows], kind="stable")]
        for end in range(roles.window, len(rows) + 1, roles.stride):
            at = end - 1 + roles.horizon
            label = _label(told, rows, end, roles) if told is not None else None
            if told is not None and label is None:
                continue
            found.inputs.append(values[rows[end - roles.window : end]])
            found.ids.append(f"row {rows[end - 1] + 1}")
            moments.append(times[rows[min(at, len(rows) - 1)]])
            names.append(name or "")
            if found.labels is not None:
                found.labels.append(label)
    if not found.inputs:
        raise InputError(
            f"read needs more than {roles.window + roles.horizon} steps of a series in {table.name!r}, got "
            f"{len(table)} rows. Give a shorter window."
        )
    found.time = np.array(moments)
    found.group = names if roles.group and labels is not None and not roles.target else None
    return found


def _label(labels: list[str | None], rows: NDArray[np.int64], end: int, roles: SeriesRoles) -> str | None:
    """The value that the window forecasts; or the label of most of its steps."""
    if roles.target:
        at = end - 1 + roles.horizon
        return None if at >= len(rows) or is_missing(labels[rows[at]]) else labels[rows[at]]
    counts = Counter(labels[row] for row in rows[end - roles.window : end])
    label, n_steps = counts.most_common(1)[0]
    return label if n_steps > roles.window / 2 else None
