"""Can a classifier tell target rows from source rows."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.two_sample._permutation import Float, p_value, permuted_domains
from headstart.evaluation.two_sample._rows import checked_rows, drawn, scaled_together
from headstart.evaluation.two_sample.two_sample import TwoSample

LARGEST = 5.0
"""Standard deviations from the mean that count."""


@final
class ClassifierTest:
    """Area under the curve of a classifier of domains on rows it did not see; 0.5 where it cannot tell them apart.

    The classifier learns anew for every permutation of the domains' labels, on the same folds, which know no labels: so
    the p-value is exact. Without one it is a ridge on the columns and their squares, whose permutations share one
    factorisation a fold.

    Args:
        classifier: with ``predict_proba``, or None.
        n_permutations: draws of the domains' labels.
        n_folds: of the cross-fitting.
        most_rows: of each domain; of more so many are drawn.
        random_state: the seed.

    Source: Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017.
    """

    name: ClassVar[str] = "classifier"

    def __init__(
        self,
        classifier: Any = None,
        *,
        n_permutations: int = 199,
        n_folds: int = 5,
        most_rows: int = 5_000,
        random_state: int = 0,
    ) -> None:
        self.classifier = classifier
        self.n_permutations = n_permutations
        self.n_folds = n_folds
        self.most_rows = most_rows
        self.random_state = random_state

    def test(self, source: Any, target: Any) -> TwoSample:
        """Compare (n, d) and (m, d) rows.

        Raises:
            InputError: too few rows, different numbers of columns, NaN, or nothing that varies.
        """
        first, second = checked_rows("ClassifierTest", source, target, fewest=5)
        first, second = (drawn(rows, self.most_rows, self.random_state) for rows in (first, second))
        rows, n, m = scaled_together("ClassifierTest", first, second), len(first), len(second)
        marks = permuted_domains(n, m, self.n_permutations, self.random_state)
        part = np.random.default_rng(self.random_state).permutation(n + m) % self.n_folds
        if self.classifier is None:
            rows = np.clip(rows, -LARGEST, LARGEST)
            rows = np.concatenate([rows, rows**2], axis=1)
        areas = [self._areas(rows, marks, part != fold) for fold in range(self.n_folds)]
        statistics = np.mean(areas, axis=0)
        return TwoSample(self.name, float(statistics[0]), p_value(statistics), n, m)

    def _areas(self, rows: Float, marks: NDArray[np.bool_], is_train: NDArray[np.bool_]) -> Float:
        """(1 + n_permutations,) areas on the rows held out; 0.5 where these are of one domain."""
        if self.classifier is None:
            scores = ridge_scores(rows[is_train], ~marks[is_train], rows[~is_train])
        else:
            scores = self._refitted(rows[is_train], ~marks[is_train], rows[~is_train])
        return areas_under_curve(scores, ~marks[~is_train])

    def _refitted(self, rows: Float, is_target: NDArray[np.bool_], others: Float) -> Float:
        from sklearn.base import clone

        scores = np.full((len(others), is_target.shape[1]), 0.5)
        for column, codes in enumerate(is_target.T.astype(np.int64)):
            if 0 < codes.sum() < len(codes):
                scores[:, column] = clone(self.classifier).fit(rows, codes).predict_proba(others)[:, 1]
        return scores


def ridge_scores(rows: Float, is_target: NDArray[np.bool_], others: Float) -> Float:
    """(m, b) scores of (m, p) rows by ridge regressions of (n, b) labels on (n, p) rows; the penalty is p."""
    centre = rows.mean(axis=0)
    rows, others = rows - centre, others - centre
    labels = is_target - is_target.mean(axis=0)
    n, p = rows.shape
    if p <= n:
        return np.asarray(others @ np.linalg.solve(rows.T @ rows + p * np.eye(p), rows.T @ labels))
    return np.asarray((others @ rows.T) @ np.linalg.solve(rows @ rows.T + p * np.eye(n), labels))


def areas_under_curve(scores: Float, is_target: NDArray[np.bool_]) -> Float:
    """(b,) share of pairs in which the target row scores higher, ties as half; of (m, b) scores and labels."""
    from scipy.stats import rankdata

    n_target = is_target.sum(axis=0)
    n_source = len(is_target) - n_target
    ranks = rankdata(np.round(scores, 12), axis=0)
    above = (ranks * is_target).sum(axis=0) - n_target * (n_target + 1) / 2
    pairs = (n_target * n_source).astype(np.float64)
    return np.asarray(np.divide(above, pairs, out=np.full(len(pairs), 0.5), where=pairs > 0))
