"""From the classes of a source to those of a target: (n_source, n_classes) tables of what each stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Table = NDArray[np.float64]


def by_name(source: NDArray[Any], target: NDArray[Any]) -> Table:
    """1 where two classes have the same name, capitals aside."""
    names = [str(name).casefold() for name in target.tolist()]
    return np.array([[float(str(name).casefold() == other) for other in names] for name in source.tolist()])


def by_pairs(who: str, source: NDArray[Any], target: NDArray[Any], pairs: Mapping[Any, Any]) -> Table:
    """1 where a pair says so.

    Raises:
        InputError: a pair begins with no class of the source.
    """
    strange = [name for name in pairs if name not in source.tolist()]
    if strange:
        known = source.tolist()[:5]
        raise InputError(
            f"{who} needs pairs from classes of the source ({known} ...), got {strange[:3]}. Correct them."
        )
    names = target.tolist()
    table = np.zeros((len(source), len(target)))
    for row, name in enumerate(source.tolist()):
        if name in pairs and pairs[name] in names:
            table[row, names.index(pairs[name])] = 1.0
    return table


def by_frequency(who: str, counts: Table) -> Table:
    """1 for the pair with the largest count, then for the largest among the classes that are left, and so on.

    Args:
        who: for messages.
        counts: (n_source, n_classes) weighted numbers of rows of a class for which the source said another.

    Raises:
        InputError: the source has fewer classes than the target.
    """
    if len(counts) < counts.shape[1]:
        what = f"{who} needs a source with at least {counts.shape[1]} classes for 'frequent', got {len(counts)}"
        raise InputError(f"{what}. Take 'bayesian' or 'expected'.")
    left, table = counts.copy(), np.zeros_like(counts)
    for _ in range(counts.shape[1]):
        row, column = divmod(int(left.argmax()), counts.shape[1])
        table[row, column] = 1.0
        left[row, :], left[:, column] = -1.0, -1.0
    return table


def by_bayes(counts: Table, smoothing: float) -> Table:
    """Probability of each target class where the source said its class: counts, with ``smoothing`` added to each."""
    smoothed = counts + smoothing
    totals = smoothed.sum(axis=1, keepdims=True)
    return np.where(totals > 0, smoothed / np.where(totals > 0, totals, 1.0), 0.0)


def counted(proba: Table, codes: NDArray[np.int64], weights: Table, n_classes: int, *, whole: bool) -> Table:
    """(n_source, n_classes) weights of rows: of each one's most probable source class, or spread by probability.

    Args:
        proba: (n, n_source) probabilities of the source's classes.
        codes: (n,) target classes.
        weights: (n,).
        n_classes: of the target.
        whole: True counts a row once, at its most probable class.
    """
    said = np.eye(proba.shape[1])[proba.argmax(axis=1)] if whole else proba
    table: Table = said.T @ (np.eye(n_classes)[codes] * weights[:, None])
    return table
