"""How sure the expected calibration error itself is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._resampling import units_of
from headstart.evaluation._row_terms import RowTerms
from headstart.evaluation.calibration import N_BINS, bin_of
from headstart.evaluation.metrics import judged
from headstart.types import Score


def calibration_error_score(
    codes: NDArray[Any],
    proba: NDArray[Any],
    *,
    groups: Any = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    rule: str = "",
) -> Score:
    """Expected calibration error with its 95 % interval; lower is better.

    A resample looks worse calibrated than the rows it was drawn from, so the quantiles are reflected about the
    value (the basic bootstrap), which takes that bias off.

    Args:
        codes: (n,) true classes.
        proba: (n, n_classes) probabilities; rows of NaN are left out.
        groups: (n,) names of groups that are drawn whole, or None.
        n_resamples: number of resamples.
        random_state: the seed.
        rule: how the figure was chosen, kept with it.

    Raises:
        InputError: the arguments cannot be.

    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 5.2.
    """
    is_present = ~np.isnan(np.asarray(proba, dtype=np.float64)).all(axis=1)
    codes, proba = judged(codes, proba)
    n = len(codes)
    if n == 0:
        return Score(float("nan"), float("nan"), float("nan"), rule)
    top = proba.max(axis=1)
    table = np.zeros((n, N_BINS + 1))
    table[np.arange(n), bin_of(top)] = top - (proba.argmax(axis=1) == codes)
    table[:, -1] = 1.0
    units = units_of(RowTerms(np.arange(n), table), None if groups is None else np.asarray(groups)[is_present])
    value = float(_error(table.sum(axis=0)[None])[0])
    drawn = np.concatenate([_error(sums) for sums in units.resampled_sums(n_resamples, random_state)])
    least, most = np.quantile(drawn, (0.025, 0.975))
    unseen = min(1.0, 3.0 / units.n)  # the rule of three: what so few units may have hidden
    low, high = min(2 * value - most, value), max(2 * value - least, value + unseen)
    return Score(value, float(max(0.0, low)), float(min(1.0, high)), rule)


def _error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(r,) errors from (r, n_bins + 1) sums of confidence less correctness in each bin, and of rows."""
    error: NDArray[np.float64] = np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1]
    return error
