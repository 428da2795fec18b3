"""Does the same row mean another label in the target; to be told with labels of the target alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._cross_fitting import spread_parts
from headstart.evaluation.two_sample._rows import checked_rows, drawn, scaled_together

MOST_ROWS = 4_000
MOST_COLUMNS = 64
"""Principal axes of both domains together that are looked at."""
SMALLEST = 1e-6


@dataclass(frozen=True)
class ConceptShift:
    """What a model gains on target rows by coefficients of the domain's own.

    Args:
        gain: mean fall of the log-loss on target rows out of fold; above 0 where the label means something else.
        p_value: of the hypothesis that there is nothing to gain; one-sided.
        n_target: labelled target rows looked at.
    """

    gain: float
    p_value: float
    n_target: int


def concept_shift(
    source: Any, y_source: Any, target: Any, y_target: Any, *, n_folds: int = 5, random_state: int = 0
) -> ConceptShift:
    """Compare two logistic regressions of both domains' rows on target rows they did not see.

    The plain one knows the domain by one column, which takes up a change of the classes' shares; the other has the
    columns once for both domains and once for each. Where p(y | x) is the same in both, the second gains nothing.

    Args:
        source: (n, d) rows.
        y_source: (n,) codes.
        target: (m, d) rows with labels, at least 10.
        y_target: (m,) codes of the same classes.
        n_folds: of the target rows.
        random_state: the seed.

    Raises:
        InputError: too few rows, different numbers of columns, NaN, or fewer than 2 classes.

    Source: augmented columns as in Daume, Frustratingly Easy Domain Adaptation, ACL 2007.
    """
    from scipy.stats import ttest_1samp

    first, second = checked_rows("concept_shift", source, target, fewest=10)
    codes, others = np.asarray(y_source, dtype=np.int64), np.asarray(y_target, dtype=np.int64)
    if len(codes) != len(first) or len(others) != len(second):
        what = f"got {len(codes)} and {len(others)} for {len(first)} and {len(second)} rows"
        raise InputError(f"concept_shift needs a code a row, {what}. Give both in the same order.")
    if len(np.unique(codes)) < 2:
        raise InputError("concept_shift needs 2 classes or more in the source, got 1. Add rows of another class.")
    first, codes = drawn(first, MOST_ROWS, random_state), drawn(codes, MOST_ROWS, random_state)
    second, others = drawn(second, MOST_ROWS, random_state), drawn(others, MOST_ROWS, random_state)
    rows = _principal(scaled_together("concept_shift", first, second))
    is_target = np.repeat([0.0, 1.0], [len(first), len(second)])[:, None]
    plain = np.concatenate([rows, is_target], axis=1)
    own = np.concatenate([rows, rows * (1 - is_target), rows * is_target, is_target], axis=1)
    labels = np.concatenate([codes, others])
    part = np.concatenate([np.full(len(first), -1), spread_parts(others, n_folds, random_state)])
    gained = _losses(plain, labels, part) - _losses(own, labels, part)
    if np.ptp(gained) < 1e-12:
        return ConceptShift(float(gained.mean()), 1.0, len(second))
    return ConceptShift(
        float(gained.mean()), float(ttest_1samp(gained, 0.0, alternative="greater").pvalue), len(second)
    )


def _losses(rows: NDArray[Any], labels: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,) log-losses on the rows of parts 0, 1, ... by models of all other rows; the penalty is chosen once."""
    from headstart.heads.logistic import LogisticRegressionPath

    model = LogisticRegressionPath(C=LogisticRegressionPath().fit(rows, labels).C_)
    found = np.zeros(len(labels))
    for fold in range(int(part.max()) + 1):
        train, valid = part != fold, part == fold
        proba = model.fit(rows[train], labels[train]).proba_by_code(rows[valid], int(labels.max()) + 1)
        found[valid] = -np.log(np.clip(proba[np.arange(int(valid.sum())), labels[valid]], SMALLEST, None))
    return found[part >= 0]


def _principal(rows: NDArray[Any]) -> NDArray[np.float64]:
    """The rows, or their projections on the first principal axes where there are many columns."""
    if rows.shape[1] <= MOST_COLUMNS:
        return np.asarray(rows, dtype=np.float64)
    from sklearn.decomposition import PCA

    reduction = PCA(min(MOST_COLUMNS, len(rows)), svd_solver="randomized", random_state=0)
    return np.asarray(reduction.fit_transform(rows))
