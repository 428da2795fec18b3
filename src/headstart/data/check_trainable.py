"""Refuse a data set from which nothing can be learnt."""

from __future__ import annotations

from collections import Counter

from headstart.errors import InputError
from headstart.types import Dataset


def check_trainable(dataset: Dataset) -> None:
    """Pass when at least two classes have at least two labelled examples each.

    Raises:
        InputError: there is no labelled row, one class only, or too few examples to hold any back.
    """
    labelled = dataset.labelled
    n_labelled = int(labelled.sum())
    if dataset.targets is None or not n_labelled:
        raise InputError(
            f"fit needs labelled examples, got {len(dataset):,} rows without a label. Put the pictures into one folder "
            "a class, name the label column, or give labels."
        )
    counts = Counter(dataset.targets[labelled])
    if len(counts) < 2:
        name = next(iter(counts))
        raise InputError(
            f"fit needs at least two classes, got one class only: {name!r} ({n_labelled:,} examples). Add another "
            "class."
        )
    n_enough = sum(count >= 2 for count in counts.values())
    if n_enough < 2:
        raise InputError(
            f"fit needs two classes with at least two examples each, got not enough rows to split: {n_labelled:,} rows "
            f"in {len(counts):,} classes, {n_enough} of them with two or more. Label more examples."
        )
