"""Score against the number of labels, on cross-validated training rows, and how many labels transfer saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.kinds.kind import bounds_of
from headstart.evaluation.metrics import check_metric, score

Fit = Callable[[NDArray[Any], NDArray[Any]], Any]
"""(features, y) -> a function features -> predictions, or a classifier with ``predict_proba``."""

N_SIZES = 6
FEWEST = 16
"""The first point has at least that many labels, where there are."""
N_RESAMPLES = 500
SAME = 0.05
"""Numbers of labels that differ by less than this share are called the same."""


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Cross-validated score for growing numbers of labels.

    Args:
        sizes: (s,) mean number of labelled rows learnt from, rising.
        mean: (s,) mean score over the folds, higher is better.
        low: (s,) lower end of its 95 % interval, from resampling the validated rows or groups.
        high: (s,) upper end.
    """

    sizes: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def learning_curve(
    features: NDArray[Any],
    y: NDArray[Any],
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    *,
    fit: Fit,
    metric: str,
    sizes: Sequence[int] | None = None,
    strata: NDArray[Any] | None = None,
    groups: Any = None,
    deadline: Deadline | None = None,
    random_state: int = 0,
) -> LearningCurve:
    """Learn from growing parts of each training fold and score on its validation part.

    The parts are nested, have the strata in proportion, and take groups whole. The test part has no place here.

    Args:
        features: (n, d) of rows that may be learnt from.
        y: (n,) classes, 0..n_classes-1, or what else the metric takes.
        folds: (training rows, validation rows).
        fit: learns from (features, y) and gives what predicts.
        metric: a name that :func:`headstart.evaluation.metrics.score` knows.
        sizes: numbers of labels, the last one at most a training fold; None: six on a logarithmic scale.
        strata: (n,) codes of what every part has in proportion; None: the classes.
        groups: (n,) names of groups that are taken whole, or None.
        deadline: no fit is begun once it is over, the first one aside.
        random_state: seed of the order in which rows are added.

    Raises:
        UnknownNameError: no metric is called so.
        InputError: there is no fold, or a size is not possible.
    """
    check_metric(metric)
    if len(folds) == 0:
        raise InputError("learning_curve needs at least one fold, got none. Give (training rows, validation rows).")
    y, deadline = np.asarray(y), deadline or Deadline()
    strata = y if strata is None else strata
    wanted = _wanted(sizes, min(len(train) for train, _ in folds))
    points: list[list[_Point]] = [[] for _ in wanted]
    is_first = True
    for number, (train, valid) in enumerate(folds):
        rng = np.random.default_rng([random_state, number])
        parts = _nested(strata[train], None if groups is None else np.asarray(groups)[train], rng, wanted)
        for found, part in zip(points, parts, strict=True):
            if deadline.is_over and not is_first:
                break
            rows = train[part]
            predicted = _predicted(fit(features[rows], y[rows]), features[valid], y)
            found.append(_Point(len(rows), valid, predicted))
            is_first = False
    return _curve([found for found in points if found], metric, y, groups, random_state)


@dataclass(frozen=True, eq=False)
class _Point:
    """How many rows were learnt from, and what was predicted for which rows."""

    size: int
    rows: NDArray[np.int64]
    predicted: NDArray[np.float64]


def _wanted(sizes: Sequence[int] | None, most: int) -> list[int]:
    if sizes is None:
        grid = np.geomspace(min(FEWEST, most), most, N_SIZES)
        return [int(size) for size in np.unique(np.round(grid))]
    wanted = sorted({int(size) for size in sizes})
    if not wanted or wanted[0] < 2 or wanted[-1] > most:
        raise InputError(f"learning_curve needs sizes from 2 to {most}, got {list(sizes)}. Leave sizes out for a grid.")
    return wanted


def _nested(
    codes: NDArray[np.int64], groups: Any, rng: np.random.Generator, wanted: Sequence[int]
) -> list[NDArray[np.int64]]:
    """For each size the rows of a training fold, all of them for the last if they were wanted."""
    unit = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = int(unit.max()) + 1
    first = np.full(n_units, len(codes), dtype=np.int64)
    np.minimum.at(first, unit, np.arange(len(codes)))
    ordered_units = _stratified_order(codes[first], rng)
    place = np.empty(n_units, dtype=np.int64)
    place[ordered_units] = np.arange(n_units)
    ordered = np.argsort(place[unit], kind="stable")
    ends = np.cumsum(np.bincount(place[unit], minlength=n_units))
    least = _smallest(codes[ordered])
    last = np.searchsorted(ends, np.maximum(wanted, least)).clip(max=n_units - 1)
    return [np.sort(ordered[: ends[unit_number]]) for unit_number in last]


def _stratified_order(codes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An order of the rows in which every beginning has the classes in proportion."""
    place = np.empty(len(codes))
    for code in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == code))
        place[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
    return np.argsort(place, kind="stable")


def _smallest(ordered: NDArray[np.int64]) -> int:
    """The shortest beginning that holds two classes, and two rows of each of them; else all."""
    second = []
    for code in np.unique(ordered):
        rows = np.flatnonzero(ordered == code)
        if len(rows) > 1:
            second.append(int(rows[1]) + 1)
    return sorted(second)[1] if len(second) > 1 else len(ordered)


def _predicted(fitted: Any, features: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Predictions; classes of ``y`` that a classifier never saw have probability 0."""
    if not hasattr(fitted, "predict_proba"):
        return np.asarray(fitted(features), dtype=np.float64)
    known = np.asarray(fitted.predict_proba(features), dtype=np.float64)
    proba = np.zeros((len(known), int(y.max()) + 1))
    proba[:, np.asarray(fitted.classes_, dtype=np.int64)] = known
    return proba


def _curve(
    points: Sequence[Sequence[_Point]], metric: str, y: NDArray[Any], groups: Any, random_state: int
) -> LearningCurve:
    lines: dict[float, tuple[float, float, float]] = {}
    for found in points:
        values = np.array([score(metric, y[point.rows], point.predicted) for point in found])
        values = values[~np.isnan(values)]
        rows = np.concatenate([point.rows for point in found])
        predicted = np.concatenate([point.predicted for point in found])
        own = None if groups is None else np.asarray(groups)[rows]
        pooled = bootstrap(metric, y[rows], predicted, groups=own, n_resamples=N_RESAMPLES, random_state=random_state)
        mean = float(values.mean()) if len(values) else float("nan")
        size = float(np.mean([point.size for point in found]))
        lines[size] = (mean, mean + pooled.low - pooled.value, mean + pooled.high - pooled.value)
    sizes = np.array(sorted(lines))
    mean, low, high = np.array([lines[size] for size in sizes]).T
    floor, ceiling = bounds_of(metric)
    low, high = np.maximum(low, floor), np.minimum(high, ceiling)
    return LearningCurve(sizes, mean, low, high)


@dataclass(frozen=True, eq=False)
class LabelsSaved:
    """How many labels do the same work with transfer and without.

    Args:
        sizes: (s,) labels with transfer.
        needed: (s,) labels without transfer for the same score, between points on a logarithmic scale; infinite where
            more would be needed than there are.
        with_transfer: labels with transfer that do the work of ``without``.
        without: labels without transfer.
        is_at_most: True where the smallest number tried with transfer did it already.
        sentence: the same in words; "" where the curves say nothing.
    """

    sizes: NDArray[np.float64]
    needed: NDArray[np.float64]
    with_transfer: float
    without: float
    is_at_most: bool
    sentence: str


def labels_saved(transferred: LearningCurve, untransferred: LearningCurve) -> LabelsSaved:
    """Compare the two curves wherever they can be compared.

    The sentence takes the untransferred curve's best score and says how many labels reach it with transfer; where
    none do, it takes the transferred curve's best score and says how few labels reach that without.

    Args:
        transferred: the curve with pretrained features.
        untransferred: the curve of the best model without.
    """
    known, other = _known(transferred), _known(untransferred)
    if not len(known.sizes) or not len(other.sizes):
        nan = float("nan")
        return LabelsSaved(known.sizes, np.full(len(known.sizes), nan), nan, nan, False, "")
    needed = np.array([_labels_for(other, goal) for goal in known.mean])
    without, goal = float(other.sizes[other.mean.argmax()]), float(other.mean.max())
    reached = _labels_for(known, goal)
    if not np.isfinite(reached):
        most, fewer = float(known.sizes[known.mean.argmax()]), _labels_for(other, float(known.mean.max()))
        sentence = f"{most:,.0f} labels with transfer only do the work of {_about(fewer, other)} without."
        return LabelsSaved(known.sizes, needed, most, fewer, False, sentence)
    is_at_most = reached <= known.sizes[0]
    if abs(reached - without) <= SAME * without:
        sentence = f"It takes about {without:,.0f} labels with transfer as well as without."
    elif reached > without:
        sentence = f"{reached:,.0f} labels with transfer only do the work of {_about(without, other)} without."
    else:
        sentence = f"{_about(reached, known)} labels with transfer do the work of {without:,.0f} without."
    return LabelsSaved(known.sizes, needed, reached, without, bool(is_at_most), sentence)


def _known(curve: LearningCurve) -> LearningCurve:
    """The points that have a score, each at least as high as those before: more labels never ask for fewer."""
    kept = ~np.isnan(curve.mean)
    mean = np.maximum.accumulate(curve.mean[kept]) if kept.any() else curve.mean[kept]
    return LearningCurve(curve.sizes[kept], mean, curve.low[kept], curve.high[kept])


def _labels_for(curve: LearningCurve, goal: float) -> float:
    """The smallest number of labels that reaches ``goal``; infinite where none does."""
    above = np.flatnonzero(curve.mean >= goal)
    if not len(above):
        return float("inf")
    first = int(above[0])
    if first == 0:
        return float(curve.sizes[0])
    share = (goal - curve.mean[first - 1]) / (curve.mean[first] - curve.mean[first - 1])
    left, right = np.log(curve.sizes[first - 1]), np.log(curve.sizes[first])
    return float(np.exp(left + share * (right - left)))


def _about(size: float, curve: LearningCurve) -> str:
    return f"{size:,.0f} or fewer" if size <= curve.sizes[0] else f"{size:,.0f}"
