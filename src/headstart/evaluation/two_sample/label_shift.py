"""Did the classes' shares change, by what a model of the source predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.metrics import judged
from headstart.evaluation.two_sample._permutation import Float, p_value


@dataclass(frozen=True, eq=False)
class LabelShift:
    """The test, and the shares that the target would have if nothing but shares had changed.

    Args:
        statistic: chi-square of predicted classes by domain.
        p_value: of the hypothesis that both domains' predictions have one distribution.
        source_shares: (k,) of the classes in the source.
        target_shares: (k,) estimated for the target.
        condition: of the confusion matrix; large where the model cannot tell classes apart.
    """

    statistic: float
    p_value: float
    source_shares: Float
    target_shares: Float
    condition: float


def label_shift(
    source_proba: Any, y_source: Any, target_proba: Any, *, n_permutations: int = 999, random_state: int = 0
) -> LabelShift:
    """Test predicted classes, and solve for the target's shares (black-box shift estimation).

    Args:
        source_proba: (n, k) probabilities of source rows, out of fold; rows of NaN are left out.
        y_source: (n,) codes.
        target_proba: (m, k) probabilities of target rows.
        n_permutations: draws of the domains' labels; only counts are drawn, whatever the rows.
        random_state: the seed.

    Raises:
        InputError: there are no rows, or the arguments cannot be.

    Source: Lipton, Wang and Smola, Detecting and Correcting for Label Shift with Black Box Predictors, ICML 2018.
    """
    codes, proba = judged(y_source, source_proba)
    _, target = judged(np.zeros(len(target_proba)), target_proba)
    if not len(codes) or not len(target) or proba.shape[1] != target.shape[1]:
        what = f"got {proba.shape} and {target.shape}"
        raise InputError(f"label_shift needs probabilities of both domains over the same classes, {what}.")
    k = proba.shape[1]
    counts = np.stack([np.bincount(side.argmax(axis=1), minlength=k) for side in (proba, target)])
    totals = counts.sum(axis=0)
    draws = np.random.default_rng(random_state).multivariate_hypergeometric(totals, len(codes), size=n_permutations)
    statistics = chi_squares(np.concatenate([counts[:1], draws]), totals)
    joint = proba.T @ np.eye(k)[codes] / len(codes)  # mean probability of the row's class, by the true one
    shares = np.bincount(codes, minlength=k) / len(codes)
    present = np.flatnonzero(shares > 0)
    ratio = np.linalg.lstsq(joint[:, present], target.mean(axis=0), rcond=1e-6)[0]
    found = np.zeros(k)
    found[present] = np.maximum(ratio, 0.0) * shares[present]
    found = found / found.sum() if found.sum() > 0 else shares
    condition = float(np.linalg.cond(joint[np.ix_(present, present)] / shares[present]))
    return LabelShift(float(statistics[0]), p_value(statistics), shares, found, condition)


def chi_squares(of_source: NDArray[Any], totals: NDArray[Any]) -> Float:
    """(b,) chi-square statistics of two-row tables: (b, k) counts of the source, (k,) of both domains."""
    n, both = of_source.sum(axis=1, keepdims=True), totals.sum()
    expected = n * totals / both
    gaps = (of_source - expected) ** 2
    filled = totals > 0
    found = gaps[:, filled] / expected[:, filled] + gaps[:, filled] / (totals - expected)[:, filled]
    return np.asarray(found.sum(axis=1))
