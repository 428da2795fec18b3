"""Maximum mean discrepancy with a Gaussian kernel."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.two_sample._distances import median_distance, squared_distances
from headstart.evaluation.two_sample._permutation import Float, p_value, permuted_domains, sums_within
from headstart.evaluation.two_sample._rows import checked_rows, scaled_together
from headstart.evaluation.two_sample.two_sample import TwoSample

DENSE_ROWS = 3_000
"""Rows of both domains together up to which the kernel is computed whole."""
MOST_GROUPS = 3_000
BLOCK_ROWS = 8_192


@final
class MMD:
    """Unbiased squared distance of the domains' means in the kernel's space; p-value by permutation of domains.

    The kernel is ``exp(-|x - y|^2 / (2 s^2))`` on columns of spread 1, s the median distance of two rows. More rows
    than ``DENSE_ROWS`` go through random Fourier features, in time and memory linear in the rows: rows are summed in
    groups of one size within a domain, and whole groups are permuted, which is as exact.

    Args:
        n_permutations: draws of the domains' labels.
        n_features: random features for many rows.
        random_state: the seed.

    Source: Gretton et al., A Kernel Two-Sample Test, JMLR 13 (2012); Zhao and Meng, FastMMD, Neural Computation 27
    (2015).
    """

    name: ClassVar[str] = "mmd"

    def __init__(self, *, n_permutations: int = 199, n_features: int = 512, random_state: int = 0) -> None:
        self.n_permutations = n_permutations
        self.n_features = n_features
        self.random_state = random_state

    def test(self, source: Any, target: Any) -> TwoSample:
        """Compare (n, d) and (m, d) rows.

        Raises:
            InputError: too few rows, different numbers of columns, NaN, or nothing that varies.
        """
        first, second = checked_rows("MMD", source, target)
        rows, n = scaled_together("MMD", first, second), len(first)
        wide = median_distance(rows, self.random_state)
        if len(rows) <= DENSE_ROWS:
            statistics = self._dense(rows, n, wide)
        else:
            statistics = self._with_features(rows, n, wide)
        return TwoSample(self.name, float(statistics[0]), p_value(statistics), n, len(rows) - n)

    def _dense(self, rows: Float, n: int, wide: float) -> Float:
        """(1 + n_permutations,) unbiased statistics by the whole kernel."""
        kernel = np.exp(-squared_distances(rows) / (2 * wide**2))
        np.fill_diagonal(kernel, 0.0)
        marks = permuted_domains(n, len(rows) - n, self.n_permutations, self.random_state)
        return _unbiased(*sums_within(kernel, marks), n, len(rows) - n)

    def _with_features(self, rows: Float, n: int, wide: float) -> Float:
        """The same by random features: |phi| is 1, so that pairs of a row with itself can be taken off."""
        size = -(-len(rows) // MOST_GROUPS)
        n_source, n_target = n // size, (len(rows) - n) // size
        if min(n_source, n_target) < 20:  # a small domain beside a large one
            size = max(1, min(n, len(rows) - n) // 20)
            n_source, n_target = n // size, (len(rows) - n) // size
        directions = np.random.default_rng(self.random_state).standard_normal((rows.shape[1], self.n_features // 2))
        sums = [_group_sums(part, directions / wide, size) for part in (rows[:n], rows[n:])]
        groups = np.concatenate(sums)  # (n_groups, n_features)
        marks = permuted_domains(n_source, n_target, self.n_permutations, self.random_state)
        of_source = marks.T.astype(np.float64) @ groups  # (1 + n_permutations, n_features)
        of_target = groups.sum(axis=0) - of_source
        rows_source, rows_target = n_source * size, n_target * size
        within = (of_source**2).sum(axis=1) - rows_source, (of_target**2).sum(axis=1) - rows_target
        return _unbiased(*within, (of_source * of_target).sum(axis=1), rows_source, rows_target)


def _unbiased(of_source: Float, of_target: Float, between: Float, n: int, m: int) -> Float:
    return of_source / (n * (n - 1)) + of_target / (m * (m - 1)) - 2 * between / (n * m)


def _group_sums(rows: Float, directions: Float, size: int) -> NDArray[np.float64]:
    """(n // size, n_features) sums of features over groups of ``size`` rows; what is left over is left out."""
    n_groups = len(rows) // size
    per_block = max(1, BLOCK_ROWS // size)
    found = np.empty((n_groups, 2 * directions.shape[1]))
    for begin in range(0, n_groups, per_block):
        end = min(begin + per_block, n_groups)
        angles = rows[begin * size : end * size] @ directions
        features = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(directions.shape[1])
        found[begin:end] = features.reshape(end - begin, size, -1).sum(axis=1)
    return found
