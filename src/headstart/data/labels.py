"""Turn whatever stands in a label, domain or group column into text, and say what looks odd."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.data.natural_order import natural_order

_WHOLE = re.compile(r"[+-]?\d+\.0+")


def is_missing(value: Any) -> bool:
    """True for None, NaN, NaT, pandas' NA, and text that is blank or reads "nan"."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip() or value.strip().lower() == "nan"
    return bool(isinstance(value, float | np.floating) and np.isnan(value))


def as_text(values: Sequence[Any]) -> list[str | None]:
    """Each value as text, None where missing; 0, 1.0 and "1.0" read "0", "1" and "1".

    >>> as_text([0, 1.0, "2.0", "cat", None])
    ['0', '1', '2', 'cat', None]
    """
    return [None if is_missing(value) else _text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):  # several labels in one cell
        names = [str(name) for name in value]
        return json.dumps(sorted(names) if isinstance(value, (set, frozenset)) else names, ensure_ascii=False)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value)
    return text.split(".")[0] if _WHOLE.fullmatch(text.strip()) else text


def label_notes(labels: Sequence[str | None]) -> list[str]:
    """What people should know about these labels."""
    counts = Counter(label for label in labels if label is not None)
    n_labelled = counts.total()
    notes = []
    if 0 < n_labelled < len(labels):
        notes.append(f"{len(labels) - n_labelled:,} of {len(labels):,} rows carry no label and are kept as unlabelled.")
    rare = [name for name, count in counts.items() if count < 2]
    if rare:
        notes.append(f"{len(rare):,} of {len(counts):,} classes have a single example: {_list(rare)}.")
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(" ".join(name.split()).casefold(), []).append(name)
    for names in spellings.values():
        if len(names) > 1:
            notes.append(f"Labels {_list(names)} differ only in case or spaces and are taken for different classes.")
    if n_labelled >= 20 and len(counts) > n_labelled / 2 and all(_is_number(name) for name in counts):
        notes.append(
            f"The label has {len(counts):,} different numbers in {n_labelled:,} rows: is it a quantity, not a class? "
            "Say task='regression' (--task regression)."
        )
    return notes


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in sorted(names, key=natural_order)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
