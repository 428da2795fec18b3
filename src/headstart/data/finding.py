"""One thing that was found about the data, in words and as rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was found about the data.

    Args:
        kind: a short name, e.g. "unreadable", "exact_duplicates", "leak", "class_balance".
        severity: "error" (figures would mislead), "warning" (look at it) or "note".
        text: one sentence for people.
        rows: the rows of the data set it is about; empty where it is about all.
    """

    kind: str
    severity: str
    text: str
    rows: tuple[int, ...] = ()


def counted(n: int, noun: str, one: str = "", many: str = "") -> str:
    """The number with its noun, and with the verb after a blank.

    >>> counted(2, "file", "has", "have"), counted(1, "class")
    ('2 files have', '1 class')
    """
    words = noun if n == 1 else "classes" if noun == "class" else f"{noun}s"
    return f"{n:,} {words}" + (f" {one if n == 1 else many}" if one else "")
