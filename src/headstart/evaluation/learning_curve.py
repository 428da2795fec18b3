"""Score against the number of labels, and how many labels transfer saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.deadline import Deadline
from headstart.evaluation.metrics import score

Fit = Callable[[NDArray[Any], NDArray[np.int64]], Callable[[NDArray[Any]], NDArray[np.float64]]]
"""(features, codes) -> (features -> probabilities of all classes)."""


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Cross-validated score for growing numbers of labels.

    Args:
        sizes: (s,) mean number of labelled rows learnt from, rising.
        mean: (s,) mean score over the folds.
        low: (s,) mean minus 1.96 standard errors over the folds.
        high: (s,) mean plus 1.96 standard errors.
    """

    sizes: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def learning_curve(
    features: NDArray[Any],
    codes: NDArray[np.int64],
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    *,
    fit: Fit,
    metric: str,
    n_sizes: int = 6,
    deadline: Deadline | None = None,
    random_state: int = 0,
) -> LearningCurve:
    """Learn from growing, nested, stratified parts of each training fold and score on its validation part.

    Args:
        features: (n, d) of training rows; the test part has no place here.
        codes: (n,) classes.
        folds: (training rows, validation rows).
        fit: learns from (features, codes).
        metric: a name of :data:`headstart.evaluation.metrics.METRICS`.
        n_sizes: points on the curve, evenly spaced on a logarithmic scale.
        deadline: folds after the first are left out once it is over.
        random_state: seed of the order in which rows are added.
    """
    deadline = deadline or Deadline()
    shares = np.geomspace(max(0.02, min(1.0, 16 / max(1, len(folds[0][0])))), 1.0, n_sizes)
    counts, scores = [], []
    for number, (train, valid) in enumerate(folds):
        if number and deadline.is_over:
            break
        ordered = _stratified_order(codes[train], np.random.default_rng([random_state, number]))
        sizes = np.unique(np.maximum(_smallest(codes[train], ordered), np.round(shares * len(train)).astype(int)))
        sizes = np.concatenate([np.repeat(sizes[0], n_sizes - len(sizes)), sizes])
        row = []
        for size in sizes:
            rows = train[ordered[:size]]
            predict = fit(features[rows], codes[rows])
            row.append(score(metric, codes[valid], predict(features[valid])))
        counts.append(sizes)
        scores.append(row)
    table = np.array(scores)
    error = table.std(0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.zeros(table.shape[1])
    sizes, first = np.unique(np.mean(counts, 0), return_index=True)
    mean, half = table.mean(0)[first], 1.96 * error[first]
    return LearningCurve(sizes, mean, mean - half, mean + half)


def _stratified_order(codes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An order of the rows in which every beginning has the classes in proportion."""
    place = np.empty(len(codes))
    for code in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == code))
        place[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
    return np.argsort(place, kind="stable")


def _smallest(codes: NDArray[np.int64], ordered: NDArray[np.int64]) -> int:
    """The shortest beginning that holds two classes, and two rows of each of them."""
    for size in range(4, len(ordered) + 1):
        counts = np.bincount(codes[ordered[:size]])
        if (counts >= 2).sum() >= 2:
            return size
    return len(ordered)


@dataclass(frozen=True)
class LabelsSaved:
    """How many labels of the untransferred model equal all labels with transfer.

    Args:
        with_transfer: labels with which the transferred model reaches the best score of the untransferred one.
        without: labels that the untransferred model needed for it.
        is_more_than: True where the untransferred curve never comes near: ``without`` is a lower bound.
        sentence: the same in words.
    """

    with_transfer: float
    without: float
    is_more_than: bool
    sentence: str


def labels_saved(transferred: LearningCurve, untransferred: LearningCurve) -> LabelsSaved:
    """Compare the two curves at the untransferred one's best score."""
    target, needed = float(untransferred.mean.max()), float(untransferred.sizes[untransferred.mean.argmax()])
    reached = _labels_for(transferred, target)
    if reached is None:
        sentence = f"With transfer no number of labels up to {transferred.sizes[-1]:.0f} reaches what {needed:.0f} reach without."
        return LabelsSaved(float("inf"), needed, False, sentence)
    is_bound = reached <= transferred.sizes[0]
    at_most = "at most " if is_bound else "about "
    sentence = f"{at_most}{reached:.0f} labels with transfer do what {needed:.0f} do without."
    return LabelsSaved(reached, needed, is_bound, sentence[0].upper() + sentence[1:])


def _labels_for(curve: LearningCurve, target: float) -> float | None:
    """The smallest number of labels at which the curve reaches ``target``, between points on a logarithmic scale."""
    above = np.flatnonzero(curve.mean >= target)
    if not len(above):
        return None
    first = int(above[0])
    if first == 0:
        return float(curve.sizes[0])
    share = (target - curve.mean[first - 1]) / (curve.mean[first] - curve.mean[first - 1])
    left, right = np.log(curve.sizes[first - 1]), np.log(curve.sizes[first])
    return float(np.exp(left + share * (right - left)))
