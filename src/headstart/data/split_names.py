"""The words people use for the parts of a data set."""

from __future__ import annotations

_NAMES = {
    "train": ("train", "training", "trn", "fit", "训练", "训练集"),
    "val": ("val", "valid", "validation", "validate", "dev", "验证", "验证集"),
    "test": ("test", "testing", "tst", "holdout", "eval", "测试", "测试集"),
}
_PART_OF = {name: part for part, names in _NAMES.items() for name in names}


def split_name(text: str) -> str | None:
    """The part ("train", "val", "test") that a word means, else None.

    >>> split_name("Validation"), split_name("ants")
    ('val', None)
    """
    return _PART_OF.get(text.strip().lower())
