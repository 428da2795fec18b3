"""Intervals: by resampling examples or whole groups, in pairs for differences, never of zero width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_terms import COUNTED, log_losses
from headstart.evaluation.metrics import check_metric, score
from headstart.types import Score

Z95 = 1.959963984540054
BLOCK_CELLS = 4_000_000
"""Resampling counts held at once, so that memory stays flat."""


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % interval.

    Args:
        value: score of the first minus score of the second.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def is_tie(self) -> bool:
        """True when the interval holds zero."""
        return self.low <= 0.0 <= self.high


def bootstrap(
    metric: str,
    codes: NDArray[np.int64],
    proba: NDArray[np.float64],
    *,
    groups: Any = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    rule: str = "",
) -> Score:
    """A score with its percentile bootstrap interval.

    Args:
        metric: a name of :data:`headstart.evaluation.metrics.METRICS`.
        codes: (n,) true classes.
        proba: (n, n_classes) probabilities.
        groups: (n,) groups that are resampled whole, or None for single rows.
        n_resamples: number of resamples.
        random_state: the seed.
        rule: how the figure was chosen, kept with it.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Where all or no rows are right,
    Wilson (1927) takes its place, with the number of groups as the number of trials.
    """
    value = score(metric, codes, proba)
    weights = Resamples(len(codes), groups, n_resamples, random_state)
    low, high = np.quantile(resampled(metric, codes, proba, weights), [0.025, 0.975])
    is_right = proba.argmax(1) == codes
    if metric in COUNTED and (is_right.all() or not is_right.any()):
        low, high = wilson(weights.n_units if is_right.all() else 0, weights.n_units)
    return Score(value, float(min(low, value)), float(max(high, value)), rule)


def paired_difference(
    metric: str,
    codes: NDArray[np.int64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    groups: Any = None,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> Difference:
    """How much better ``first`` is than ``second`` on the same rows, both resampled together.

    Args as for :func:`bootstrap`. Predictions that agree everywhere give an interval as wide as one disagreeing unit.
    """
    weights = Resamples(len(codes), groups, n_resamples, random_state)
    value = score(metric, codes, first) - score(metric, codes, second)
    differences = resampled(metric, codes, first, weights) - resampled(metric, codes, second, weights)
    low, high = (float(end) for end in np.quantile(differences, [0.025, 0.975]))
    if high - low <= 0.0:
        low, high = value - 1.0 / weights.n_units, value + 1.0 / weights.n_units
    return Difference(value, min(low, value), max(high, value))


class Resamples:
    """How often each row stands in each resample, drawn a block at a time and the same each time.

    Args:
        n: number of rows.
        groups: (n,) groups, or None.
        n_resamples: number of resamples.
        random_state: the seed.
    """

    def __init__(self, n: int, groups: Any, n_resamples: int, random_state: int) -> None:
        self.n, self.n_resamples, self._seed = n, n_resamples, random_state
        self._units = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        self.n_units = int(self._units.max()) + 1 if n else 0

    def __iter__(self) -> Any:
        """(block, n) float64 counts."""
        rng = np.random.default_rng(self._seed)
        size = max(1, BLOCK_CELLS // max(1, self.n))
        for begin in range(0, self.n_resamples, size):
            block = min(size, self.n_resamples - begin)
            drawn = rng.integers(0, self.n_units, (block, self.n_units))
            drawn += self.n_units * np.arange(block)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=block * self.n_units).reshape(block, self.n_units)
            yield counts[:, self._units].astype(np.float64)


def resampled(
    metric: str, codes: NDArray[np.int64], proba: NDArray[np.float64], resamples: Resamples
) -> NDArray[np.float64]:
    """(n_resamples,) the metric on every resample."""
    check_metric(metric)
    if metric in COUNTED:
        return np.concatenate([COUNTED[metric](_confusions(codes, proba, block)) for block in resamples])
    if metric == "neg_log_loss":
        losses = log_losses(codes, proba)
        return np.concatenate([-(block @ losses) / block.sum(1) for block in resamples])
    return np.array([_drawn_auc(codes, proba, weights) for block in resamples for weights in block])


def _confusions(
    codes: NDArray[np.int64], proba: NDArray[np.float64], block: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(block, k, k) weighted confusion counts, through the cells that occur."""
    k = proba.shape[1]
    cells, where = np.unique(codes * k + proba.argmax(1), return_inverse=True)
    order = np.argsort(where, kind="stable")
    starts = np.searchsorted(where[order], np.arange(len(cells)))
    sums = np.add.reduceat(block[:, order], starts, axis=1)
    counts = np.zeros((len(block), k * k))
    counts[:, cells] = sums
    return counts.reshape(len(block), k, k)


def _drawn_auc(codes: NDArray[np.int64], proba: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    rows = np.repeat(np.arange(len(codes)), weights.astype(np.int64))
    return score("roc_auc", codes[rows], proba[rows])


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share.

    >>> tuple(round(end, 3) for end in wilson(10, 10))
    (0.722, 1.0)

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def corrected_interval(scores: NDArray[np.float64], n_train: int, n_test: int, rule: str = "") -> Score:
    """Mean of repeated cross-validation with an interval that knows the training parts overlap.

    Args:
        scores: (m,) one score for every repeat and fold, or differences of scores.
        n_train: rows of a training part.
        n_test: rows of a validation part.
        rule: how the figure was chosen.

    Source: Nadeau and Bengio, Inference for the Generalization Error (2003), the corrected resampled t-test.
    """
    from scipy.stats import t

    scores = scores[~np.isnan(scores)]
    mean, m = float(scores.mean()), len(scores)
    if m < 2:
        return Score(mean, 0.0, 1.0, rule)
    variance = max(float(scores.var(ddof=1)), 1.0 / (4.0 * max(1, n_test) * m))
    half = float(t.ppf(0.975, m - 1)) * np.sqrt((1.0 / m + n_test / n_train) * variance)
    return Score(mean, float(mean - half), float(mean + half), rule)
