"""Guess what is asked from how the labels look: classes, numbers, or several labels a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from headstart.tasks.multi_label import SEPARATORS, label_set
from headstart.types import Guess

FEWEST_ROWS = 20
"""With fewer labelled rows numbers are taken for classes."""
MANY_NUMBERS = 20
"""More different whole numbers than this are a quantity, unless they look like codes."""
FEW_NUMBERS = 5
"""Numbers with fractions that have more different values than this are a quantity."""
MANY_IN_FEW = 10
"""As many different whole numbers as this are a quantity where they are more than a tenth of the rows."""
CODE_ROWS = 3
"""Whole numbers 0, 1, 2 ... of which a typical one has this many rows look like codes of classes."""
LONGEST_LABEL = 40
"""Of a label between separators, characters."""
SEPARATED_SHARE = 0.02
"""At least this share of the cells holds a separator."""
IN_COMPANY_SHARE = 0.6
"""At least this share of what stands between separators stands in other cells too."""


def guess_task(labels: Sequence[str | None]) -> Guess:
    """The task that (n,) label texts speak for, and why; ``value`` is the task's name."""
    known = [label for label in labels if label is not None]
    why = _quantity(known)
    if why:
        return Guess("task", "regression", why, "task='classification' (--task classification)")
    why = _several(known)
    if why:
        return Guess("task", "multi_label", why, "task='classification' (--task classification)")
    return Guess("task", "classification", f"{len(set(known)):,} different labels", "task=...")


def _quantity(labels: Sequence[str]) -> str:
    if len(labels) < FEWEST_ROWS:
        return ""
    values = [_number(label) for label in labels]
    if any(value is None for value in values):
        return ""
    numbers = np.array(values, dtype=np.float64)
    distinct, counts = np.unique(numbers, return_counts=True)  # what is infinite is refused later, by its row
    n = len(distinct)
    finite = numbers[np.isfinite(numbers)]
    if n > FEW_NUMBERS and (finite != np.round(finite)).any():
        return f"the labels are {n:,} different numbers with fractions"
    is_many = n > MANY_NUMBERS or (n >= MANY_IN_FEW and n > len(labels) / 10)
    looks_like_codes = (
        distinct[0] in (0.0, 1.0) and distinct[-1] == distinct[0] + n - 1 and np.median(counts) >= CODE_ROWS
    )
    return f"the labels are {n:,} different numbers in {len(labels):,} rows" if is_many and not looks_like_codes else ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _several(labels: Sequence[str]) -> str:
    if labels and all(label.strip().startswith("[") and label.strip().endswith("]") for label in labels):
        return "the labels are lists"
    separated = [label for label in labels if any(mark in label for mark in SEPARATORS)]
    if len(separated) < 2 or len(separated) < SEPARATED_SHARE * len(labels):
        return ""
    cells = {label_set(label) for label in labels}
    counts = Counter(name for cell in cells for name in cell)
    if max(map(len, counts), default=0) > LONGEST_LABEL or len(counts) >= len(labels):
        return ""
    # Labels come again in other company; the parts of a name do not.
    parts = [name for cell in cells if len(cell) > 1 for name in cell]
    if sum(counts[name] > 1 for name in parts) < IN_COMPANY_SHARE * len(parts):
        return ""
    return f"{len(separated):,} of {len(labels):,} labels hold several of {len(counts):,} names, set apart by ; or |"
