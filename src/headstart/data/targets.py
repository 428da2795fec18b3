"""From the texts in a label column to the targets of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headstart.data.guess_task import guess_task
from headstart.data.labels import label_notes
from headstart.data.natural_order import natural_order
from headstart.errors import InputError
from headstart.tasks.anomaly import ANOMALOUS, NORMAL, normal_name
from headstart.tasks.registry import get_task
from headstart.types import Guess


@dataclass(frozen=True)
class Targets:
    """What is to be learnt.

    Args:
        task: its name.
        values: (n,) one target a row, None where missing; None where nothing is labelled.
        classes: the class names in natural order; none for numbers.
        guesses: what was inferred on the way.
        notes: what people should know.
    """

    task: str
    values: list[Any] | None
    classes: tuple[str, ...]
    guesses: tuple[Guess, ...] = ()
    notes: tuple[str, ...] = ()


def find_targets(
    labels: Sequence[str | None] | None,
    ids: Sequence[str],
    *,
    task: str | None,
    normal: str | None = None,
    are_names: bool = False,
) -> Targets:
    """Read label texts as the task does.

    Args:
        labels: (n,) texts, None where missing; or None where there are none at all.
        ids: (n,) names of the rows, for errors.
        task: its name, or None for a guess.
        normal: of anomaly detection, the label that means normal; None for a guess.
        are_names: True for names of folders, which are classes unless the task says otherwise.

    Raises:
        UnknownNameError: there is no such task.
        InputError: a label cannot be what the task wants, or ``normal`` is none of the labels.
    """
    guesses: list[Guess] = []
    if task is None:
        guess = guess_task(labels or ())
        task = "classification" if are_names or labels is None else guess.value
        guesses += [guess] if task != "classification" else []
    found = get_task(task.replace("-", "_"))
    notes: list[str] = []
    if found.name == "anomaly":
        labels, more = _marked(labels, len(ids), normal)
        guesses += more
        notes += ["No labels were found: all rows are taken for normal."] if not any(labels) else []
    elif normal is not None:
        raise InputError(f"read needs task='anomaly' for normal={normal!r}, got {found.name!r}. Leave normal out.")
    if labels is None:
        return Targets(found.name, None, (), tuple(guesses))
    values = found.parse(labels, ids)
    names = {name for value in values if value is not None for name in found.names(value)}
    if found.name == "classification":
        notes += label_notes(labels)
    elif (n_missing := sum(value is None for value in values)) and n_missing < len(values):
        notes.append(f"{n_missing:,} of {len(values):,} rows carry no label and are kept as unlabelled.")
    return Targets(found.name, values, tuple(sorted(names, key=natural_order)), tuple(guesses), tuple(notes))


def _marked(
    labels: Sequence[str | None] | None, n: int, normal: str | None
) -> tuple[list[str | None], tuple[Guess, ...]]:
    """The labels as normal and anomalous, and the guess which of them means normal."""
    labels = [None] * n if labels is None else list(labels)
    if normal is None:
        normal, why = normal_name(labels)
        n_kinds = len({label for label in labels if label is not None})
        guesses = (Guess("normal", normal, why, "normal=<label> (--normal)"),) if n_kinds > 1 else ()
    else:
        guesses = ()
        if normal not in labels:
            known = ", ".join(repr(name) for name in sorted({str(label) for label in labels if label is not None})[:8])
            raise InputError(f"read needs normal to be one of the labels ({known}), got {normal!r}. Correct it.")
    marks = [None if label is None else NORMAL if label == normal else ANOMALOUS for label in labels]
    return marks, guesses
