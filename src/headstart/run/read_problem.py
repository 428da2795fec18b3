"""Read the target and whatever else there is to learn it from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from headstart.data.problem import Problem, joined_problem, plain_problem, split_problem
from headstart.data.read import ReadResult, read
from headstart.data.table import TABLE_SUFFIXES, read_table
from headstart.errors import InputError


def read_problem(
    data: Any,
    labels: Any,
    roles: dict[str, Any],
    *,
    source: Any = None,
    unlabelled: Any = None,
    target: str | None = None,
    target_labels: str = "learn",
) -> Problem:
    """The rows, each with what it is for.

    Args:
        data: as :func:`headstart.data.read.read` takes it.
        labels: likewise.
        roles: likewise, the arguments by name.
        source: labelled examples of another domain, as ``data``.
        unlabelled: further examples of the target, as ``data``.
        target: the name of the target among the domains of ``data``.
        target_labels: "learn"; or "judge": the target's labels are read at the end, to judge, and for nothing else.

    Raises:
        InputError: the parts do not go together.
    """
    if target is not None and (source is not None or unlabelled is not None):
        raise InputError("fit needs either target=... or source=... and unlabelled=..., got both. Leave one out.")
    if target is not None:
        return split_problem(read(data, labels, **roles), target, labels=target_labels)
    if source is None and target_labels != "learn":
        raise InputError("fit needs a source for target_labels='judge', got none. Pass source=... or target=...")
    if source is None and unlabelled is None:
        return plain_problem(read(data, labels, **roles))
    beside = {name: value for name, value in roles.items() if isinstance(value, (str, int, list, tuple))}
    elsewhere = None if source is None else _read(source, beside)
    found = _read(data, roles, labels) if elsewhere is None else _read(data, _as_in(elsewhere, roles), labels)
    more = None if unlabelled is None else _read(unlabelled, _as_in(found, beside) | {"label": False})
    return joined_problem(found, source=elsewhere, unlabelled=more, labels=target_labels)


def _as_in(found: ReadResult, roles: dict[str, Any]) -> dict[str, Any]:
    """The roles with the kind of example and the task that were found."""
    known = {"modality": found.dataset.modality}
    if found.dataset.targets is not None:
        known["task"] = found.dataset.task
    return roles | known


def _read(data: Any, roles: dict[str, Any], labels: Any = None) -> ReadResult:
    """Of a table that lacks the named column of labels, rows without labels."""
    columns = _columns(data)
    named = roles.get("label")
    if labels is None and columns is not None and isinstance(named, str) and named not in columns:
        roles = roles | {"label": False}
    if columns is not None:
        roles = {k: v for k, v in roles.items() if k not in ("group", "domain", "split", "time") or _has(columns, v)}
    return read(data, labels, **roles)


def _has(columns: list[str], value: Any) -> bool:
    return not isinstance(value, str) or value in columns


def _columns(data: Any) -> list[str] | None:
    """Names of the columns of a table; None of anything else."""
    if hasattr(data, "iloc"):
        return [str(name) for name in data.columns]
    if isinstance(data, (str, os.PathLike)) and Path(data).suffix.lower() in TABLE_SUFFIXES and Path(data).is_file():
        return list(read_table(Path(data)).columns)
    return None
