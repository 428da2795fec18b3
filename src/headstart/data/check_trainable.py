"""Refuse a data set from which nothing can be learnt."""

from __future__ import annotations

from headstart.errors import InputError
from headstart.tasks.registry import get_task
from headstart.types import Dataset


def check_trainable(dataset: Dataset) -> None:
    """Pass when there are enough labelled examples to learn from and to hold some back; the task says how many.

    Raises:
        InputError: there is no labelled row, or the task objects, e.g. to a single class.
    """
    labelled = dataset.labelled
    n_labelled = int(labelled.sum())
    if dataset.targets is None or not n_labelled:
        raise InputError(
            f"fit needs labelled examples, got {len(dataset):,} rows without a label. Put the pictures into one folder "
            "a class, name the label column, or give labels."
        )
    objection = get_task(dataset.task).objection(list(dataset.targets[labelled]))
    if objection:
        raise InputError(objection)
