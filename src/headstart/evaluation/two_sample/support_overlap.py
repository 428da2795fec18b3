"""Does the source have rows where the target has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.evaluation._cross_fitting import effective_sample_size, target_probabilities
from headstart.evaluation.two_sample._rows import checked_rows, drawn, scaled_together

INSIDE = 0.95
"""Share of source rows that count as inside the source."""
MOST_ROWS = 5_000


@dataclass(frozen=True)
class SupportOverlap:
    """How much of the target the source covers.

    Args:
        inside: share of target rows no farther from a source row than 95 % of the source rows are from another; about
            0.95 without a shift.
        effective_sample_size: equal source rows that carry as much as the importance weights.
        effective_share: the same by the number of source rows, 0..1.
    """

    inside: float
    effective_sample_size: float
    effective_share: float


def support_overlap(source: Any, target: Any, *, of_source: Any = None, random_state: int = 0) -> SupportOverlap:
    """Compare (n, d) and (m, d) rows.

    Args:
        source: rows of the source.
        target: rows of the target.
        of_source: (n,) cross-fitted probabilities of being a target row where these are known; or None.
        random_state: the seed.

    Raises:
        InputError: too few rows, different numbers of columns, NaN, or nothing that varies.

    Source: distances as in Kynkaanniemi et al., Improved Precision and Recall, NeurIPS 2019; Kish's effective size.
    """
    from sklearn.neighbors import NearestNeighbors

    first, second = checked_rows("support_overlap", source, target, fewest=3)
    if of_source is None:
        of_source, _ = target_probabilities(first, second, random_state=random_state)
    size = effective_sample_size(np.asarray(of_source) / (1 - np.asarray(of_source)))
    near, far = (drawn(rows, MOST_ROWS, random_state) for rows in (first, second))
    rows = scaled_together("support_overlap", near, far)
    search = NearestNeighbors(n_neighbors=1).fit(rows[: len(near)])
    among = search.kneighbors()[0][:, 0]  # to another source row
    reach = np.quantile(among, INSIDE, method="higher")
    inside = float(np.mean(search.kneighbors(rows[len(near) :])[0][:, 0] <= reach))
    return SupportOverlap(inside, size, size / len(first))
