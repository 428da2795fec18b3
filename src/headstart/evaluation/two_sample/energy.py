"""Energy distance."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np

from headstart.evaluation.two_sample._distances import squared_distances
from headstart.evaluation.two_sample._permutation import p_value, permuted_domains, sums_within
from headstart.evaluation.two_sample._rows import checked_rows, drawn, scaled_together
from headstart.evaluation.two_sample.two_sample import TwoSample


@final
class Energy:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| on columns of spread 1; p-value by permutation of domains.

    Args:
        n_permutations: draws of the domains' labels.
        most_rows: of each domain; of more so many are drawn, as time and memory grow with their square.
        random_state: the seed.

    Source: Szekely and Rizzo, Energy statistics, Journal of Statistical Planning and Inference 143 (2013).
    """

    name: ClassVar[str] = "energy"

    def __init__(self, *, n_permutations: int = 199, most_rows: int = 1_500, random_state: int = 0) -> None:
        self.n_permutations = n_permutations
        self.most_rows = most_rows
        self.random_state = random_state

    def test(self, source: Any, target: Any) -> TwoSample:
        """Compare (n, d) and (m, d) rows.

        Raises:
            InputError: too few rows, different numbers of columns, NaN, or nothing that varies.
        """
        first, second = checked_rows("Energy", source, target)
        first, second = (drawn(rows, self.most_rows, self.random_state) for rows in (first, second))
        rows, n, m = scaled_together("Energy", first, second), len(first), len(second)
        marks = permuted_domains(n, m, self.n_permutations, self.random_state)
        of_source, of_target, between = sums_within(np.sqrt(squared_distances(rows)), marks)
        statistics = 2 * between / (n * m) - of_source / n**2 - of_target / m**2
        return TwoSample(self.name, float(statistics[0]), p_value(statistics), n, m)
