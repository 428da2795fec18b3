"""What every reader returns: rows as they were found, before they are made a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headstart.types import Guess


@dataclass
class Examples:
    """Rows as found by one reader; every list is as long as ``inputs`` or None."""

    inputs: list[Any]
    ids: list[str]
    modality: str = "image"
    labels: list[str | None] | None = None
    domain: list[str] | None = None
    group: list[str] | None = None
    split: list[str] | None = None
    time: Any = None
    guesses: list[Guess] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    roles: dict[str, Any] = field(default_factory=dict)
    labels_are_names: bool = False
    """True where the labels are names of folders."""
