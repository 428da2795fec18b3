"""Strategies compared on labelled target rows that the fit did not see labelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._content_folds import content_folds
from headstart.strategies._evidence import NO_EVIDENCE, Evidence, mean_test, sign_test

RULE = "labels"
FEWEST_NUMBERS = 6
"""Fewer labelled rows than this prove nothing about numbers."""

Fit = Callable[[NDArray[Any]], Any]
"""From target labels, None where hidden, to a fitted model."""


def can_prove(n_labelled: int, level: float, *, is_number: bool) -> bool:
    """True where so many labelled rows, all of them for the strategy, would be enough."""
    return n_labelled >= FEWEST_NUMBERS if is_number else 0.5**n_labelled <= level


def labelled_evidence(
    name: str,
    fit: Fit,
    plain: NDArray[Any],
    target: Any,
    labels: NDArray[Any],
    known: NDArray[np.bool_],
    *,
    is_number: bool,
    n_folds: int,
    random_state: int | None,
) -> Evidence:
    """A paired comparison with the source-only model.

    Every labelled row is predicted by a model from whose fit its label was hidden.

    Args:
        name: of the strategy.
        fit: fits it anew.
        plain: (n_target,) what the source-only model predicts, which never saw a target label.
        target: (n_target, d) rows.
        labels: (n_target,) objects.
        known: (n_target,) which of them are labels.
        is_number: True for a regressor.
        n_folds: parts of the labelled rows.
        random_state: seed of the parts.
    """
    rows = np.flatnonzero(known)
    told = column_of([labels[row] for row in rows], plain)
    groups = told if told.ndim == 1 and not is_number else np.zeros(len(rows), dtype=np.int64)
    fold = content_folds(target[rows], groups, n_folds, random_state)
    found = np.empty_like(told, dtype=plain.dtype)
    for part in range(int(fold.max()) + 1):
        hidden = labels.copy()
        hidden[rows[fold == part]] = None
        found[fold == part] = np.asarray(fit(hidden).predict(target[rows[fold == part]]))
    if not is_number and told.ndim == 1:
        right, was_right = found == told, plain[rows] == told
        n_won, n_lost = int((right & ~was_right).sum()), int((was_right & ~right).sum())
        return Evidence(name, RULE, (n_won - n_lost) / len(rows), sign_test(n_won, n_lost))
    lost = [losses(told, side, is_number) for side in (plain[rows], found)]
    level = float(lost[0].mean())
    gain = float((lost[0] - lost[1]).mean()) / level if level > 0 else 0.0
    return Evidence(name, RULE, gain if np.isfinite(gain) else NO_EVIDENCE, mean_test(lost[0] - lost[1]))


def column_of(values: list[Any], like: NDArray[Any]) -> NDArray[Any]:
    """The (n,) or (n, n_outputs) labels of a list, in the kind of the source's targets."""
    return np.array([np.asarray(value).tolist() for value in values], dtype=object if like.dtype == object else None)


def losses(told: NDArray[Any], predicted: NDArray[Any], is_number: bool) -> NDArray[np.float64]:
    """(n,) squared error, or share of labels that are wrong."""
    wrong = (told - predicted) ** 2.0 if is_number else (told != predicted).astype(np.float64)
    return np.asarray(wrong.reshape(len(wrong), -1).mean(axis=1))
