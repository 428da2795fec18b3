"""Read one JSON object a line into columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headstart.errors import InputError


def read_json_lines(path: Path) -> dict[str, list[Any]]:
    """Columns of a JSONL file; a key that a line lacks is None there.

    Raises:
        InputError: a line is no JSON object, or holds objects or nested lists where a plain value belongs; a list of
            plain values is taken for several labels.
    """
    columns: dict[str, list[Any]] = {}
    n_rows = 0
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            for key, value in _record(line, number, path).items():
                columns.setdefault(str(key), [None] * n_rows).append(value)
            n_rows += 1
            for values in columns.values():
                if len(values) < n_rows:
                    values.append(None)
    return columns


def _record(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(
            f"read needs one JSON object a line, got damage in line {number} of {path.name!r} ({error}). Repair it."
        ) from None
    if not isinstance(record, dict):
        kind = type(record).__name__
        raise InputError(f"read needs one JSON object a line, got {kind} in line {number} of {path.name!r}. Wrap it.")
    odd = next((key for key, value in record.items() if _is_nested(value)), None)
    if odd is not None:
        raise InputError(
            f"read needs plain values, got {type(record[odd]).__name__} under {odd!r} in line {number} of "
            f"{path.name!r}. Flatten it."
        )
    return record


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, list | dict) for v in value))
