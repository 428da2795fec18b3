"""Intervals: by resampling examples or whole groups, in pairs for differences, never of zero width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._few_counts import FEW, n_units_with, wilson_ends
from headstart.evaluation._resampling import Units, paired_terms, units_of
from headstart.evaluation.kinds.kind import Kind, kind_of
from headstart.evaluation.metrics import check_metric
from headstart.types import Score

FEWEST_DIFFERENT = 6
"""Fewer units than this that tell two models apart prove nothing: 2 * 0.5**5 is above 0.05."""

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % interval.

    Args:
        value: score of the first minus score of the second; higher is better for the first.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def is_tie(self) -> bool:
        """True unless zero lies outside the interval.

        >>> Difference(0.1, -0.01, 0.2).is_tie, Difference(0.1, 0.01, 0.2).is_tie
        (True, False)
        """
        return not (self.low > 0.0 or self.high < 0.0)


def bootstrap(
    metric: str,
    y: NDArray[Any],
    predicted: NDArray[Any],
    *,
    groups: Any = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    rule: str = "",
) -> Score:
    """A score with its 95 % interval: bias-corrected and accelerated, expanded for few units.

    With fewer than ten wrong (or right) rows or groups the interval is widened to what Wilson's gives for the shares
    that the score is made of; so it never has zero width. With groups, whole groups are drawn.

    Args:
        metric: a name that :func:`headstart.evaluation.metrics.score` knows.
        y: what is true, as it takes it.
        predicted: what was predicted, as it takes it; rows of NaN (never predicted) are left out.
        groups: (n,) names of groups that are drawn whole, or None.
        n_resamples: number of resamples.
        random_state: the seed.
        rule: how the figure was chosen, kept with it.

    Raises:
        UnknownNameError: no metric of this kind is called so.
        InputError: the shapes or the values cannot be.

    Source: Efron, JASA 82 (1987); Hesterberg, The American Statistician 69 (2015); Wilson, JASA 22 (1927).
    """
    kind, y, (predicted,), groups = _together(metric, y, (predicted,), groups)
    units = _units(kind, metric, y, (predicted,), groups)
    value = _value(kind, metric, units)
    if np.isnan(value):
        return Score(value, value, value, rule)
    blocks = units.resampled_sums(n_resamples, random_state)
    draws = np.concatenate([kind.score_of_sums(metric, sums) for sums in blocks])
    low, high = _accelerated(draws, value, kind.score_of_sums(metric, units.jackknife_sums()), units)
    if high - low < 1e-12 or kind.n_few(metric, y, predicted, groups) < FEW:
        below, above = kind.margins(metric, y, predicted, groups)
        low, high = min(low, value - below), max(high, value + above)
    floor, ceiling = kind.bounds(metric)
    return Score(value, float(np.clip(low, floor, value)), float(np.clip(high, value, ceiling)), rule)


def paired_difference(
    metric: str,
    y: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    groups: Any = None,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> Difference:
    """How much better ``first`` is than ``second`` on the same rows; every resample is the same for both.

    Where fewer than six rows (or groups) tell the two apart the interval holds zero, as in a sign test; where none
    does, it is as wide as what may have gone unseen.

    Args:
        metric: a name that :func:`headstart.evaluation.metrics.score` knows.
        y: what is true, as it takes it.
        first: what one model predicted, as it takes it; rows of NaN in either are left out.
        second: what the other predicted.
        groups: (n,) names of groups that are drawn whole, or None.
        n_resamples: number of resamples.
        random_state: the seed.

    Raises:
        UnknownNameError: no metric of this kind is called so.
        InputError: the shapes or the values cannot be.
    """
    kind, y, (first, second), groups = _together(metric, y, (first, second), groups)
    units = _units(kind, metric, y, (first, second), groups)
    value = _value(kind, metric, units, n_sides=2)
    if np.isnan(value):
        return Difference(value, value, value)
    blocks = units.resampled_sums(n_resamples, random_state)
    draws = np.concatenate([_differences(kind, metric, sums) for sums in blocks])
    low, high = _accelerated(draws, value, _differences(kind, metric, units.jackknife_sums()), units)
    differs = kind.decided(metric, first) != kind.decided(metric, second)
    is_different = differs.any(axis=tuple(range(1, differs.ndim)))
    if high - low < 1e-12:
        margin = kind.unseen_margin(metric, y, first, groups)
        low, high = value - margin, value + margin
    if n_units_with(is_different, groups) < FEWEST_DIFFERENT:
        low, high = min(low, 0.0), max(high, 0.0)
    return Difference(value, float(min(low, value)), float(max(high, value)))


def corrected_interval(
    scores: Any, n_train: int, n_test: int, rule: str = "", *, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Score:
    """Mean over repeated cross-validation, with an interval that knows that the training parts overlap.

    Args:
        scores: (n_repeats, n_folds) or flat scores, or differences of two models' scores; NaN are left out.
        n_train: rows of a training part.
        n_test: rows of a validation part.
        rule: how the figure was chosen, kept with it.
        bounds: the lowest and the highest score there can be; no end lies beyond.

    Raises:
        InputError: fewer than two scores are known, or a part is empty.

    Source: Nadeau and Bengio, Machine Learning 52 (2003); Bouckaert and Frank, PAKDD 2004.
    """
    from scipy.special import stdtrit

    known = np.asarray(scores, dtype=np.float64).ravel()
    known = known[~np.isnan(known)]
    if len(known) < 2:
        raise InputError(f"corrected_interval needs at least 2 scores, got {len(known)}. Use more folds or repeats.")
    if n_train < 1 or n_test < 1:
        raise InputError(
            f"corrected_interval needs rows in both parts, got n_train={n_train} and n_test={n_test}. Count them again."
        )
    variance = (1.0 / len(known) + n_test / n_train) * known.var(ddof=1)
    half = float(stdtrit(len(known) - 1, 0.975) * np.sqrt(variance))
    if half < 1e-12:
        half = 3.0 / (n_train + n_test)  # all alike: the rule of three on the rows there are
    mean = float(known.mean())
    return Score(mean, max(mean - half, bounds[0]), min(mean + half, bounds[1]), rule)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """95 % interval of a share.

    Args:
        successes: 0..n; a fraction where trials depend on each other and an effective number is given.
        n: number of trials, or the effective number.

    Raises:
        InputError: there are more successes than trials, or fewer than none.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).

    >>> tuple(round(end, 4) for end in wilson(10, 10))
    (0.7225, 1.0)
    """
    if not 0 <= successes <= n:
        raise InputError(f"wilson needs successes from 0 to {n}, got {successes}. Count them again.")
    low, high = wilson_ends(successes / n if n else 0.0, n)
    return float(low), float(high)


def _together(metric: str, y: Any, sides: tuple[Any, ...], groups: Any) -> tuple[Kind, Any, tuple[Float, ...], Any]:
    """The kind, and everything at the rows that all sides have a prediction for."""
    kind = kind_of(check_metric(metric), y, sides[0])
    y = np.asarray(y)
    tables = [np.asarray(side, dtype=np.float64) for side in sides]
    if groups is not None and len(groups) != len(y):
        raise InputError(
            f"bootstrap needs one group a row, got {len(groups)} for {len(y)} rows. Give both in the same order."
        )
    for table in tables:
        kind.judged(y, table)  # only to refuse what cannot be
    present = ~np.any([np.isnan(table).all(axis=tuple(range(1, table.ndim))) for table in tables], axis=0)
    kept = None if groups is None else np.asarray(groups)[present]
    return kind, kind.judged(y[present], tables[0][present])[0], tuple(table[present] for table in tables), kept


def _units(kind: Kind, metric: str, y: Any, sides: tuple[Float, ...], groups: Any) -> Units:
    terms = kind.row_terms(metric, y, sides[0])
    if len(sides) > 1:
        terms = paired_terms(terms, kind.row_terms(metric, y, sides[1]))
    return units_of(terms, groups)


def _value(kind: Kind, metric: str, units: Units, n_sides: int = 1) -> float:
    if units.n == 0:
        return float("nan")
    sums = (units.counts.astype(np.float64) @ units.table)[None]
    return float((kind.score_of_sums(metric, sums) if n_sides == 1 else _differences(kind, metric, sums))[0])


def _differences(kind: Kind, metric: str, sums: Float) -> Float:
    first, second = np.split(sums, 2, axis=1)
    return kind.score_of_sums(metric, first) - kind.score_of_sums(metric, second)


def _accelerated(draws: Float, value: float, jackknife: Float, units: Units) -> tuple[float, float]:
    """The ends of Efron's interval, with Student's quantiles and n - 1 for the few units there may be."""
    from scipy.special import ndtr, ndtri, stdtrit

    draws = draws[~np.isnan(draws)]
    n = units.n
    if n < 2 or len(draws) < 2:
        return value, value
    z = stdtrit(n - 1, 0.975) * np.sqrt(n / (n - 1))
    bias = ndtri(((draws < value).mean() + (draws <= value).mean()) / 2)
    known = ~np.isnan(jackknife)
    weights, left_out = units.counts[known], jackknife[known]
    gap = np.average(left_out, weights=weights) - left_out if weights.sum() else np.zeros(0)
    spread = (weights * gap**2).sum()
    skew = (weights * gap**3).sum() / (6.0 * spread**1.5) if spread > 0 else 0.0
    tails = np.array([-z, z])
    stretch = 1.0 - skew * (bias + tails)
    if np.isfinite(bias) and (stretch > 0).all():
        tails = bias + (bias + tails) / stretch
    low, high = np.quantile(draws, ndtr(tails))
    return float(low), float(high)
