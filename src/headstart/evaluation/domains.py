"""The headline score within each domain: one good average may hide a bad domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.metrics import check_metric
from headstart.types import Score


@dataclass(frozen=True)
class DomainScore:
    """The score within one domain.

    Args:
        domain: its name.
        n: how many rows it has.
        score: with its interval; NaN where the metric is undefined on these rows.
    """

    domain: str
    n: int
    score: Score


@dataclass(frozen=True)
class DomainScores:
    """One line a domain.

    Args:
        metric: what the scores are.
        rows: the domains, by name.
    """

    metric: str
    rows: tuple[DomainScore, ...]

    @property
    def worst(self) -> DomainScore | None:
        """The domain of the lowest score; None where no score is defined."""
        known = [row for row in self.rows if not np.isnan(row.score.value)]
        return min(known, key=lambda row: (row.score.value, row.domain), default=None)


def domain_scores(
    metric: str,
    y: NDArray[Any],
    predicted: NDArray[Any],
    domains: Any,
    *,
    groups: Any = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    rule: str = "",
) -> DomainScores:
    """The score within each domain, with its interval.

    Args:
        metric: a name that :func:`headstart.evaluation.metrics.score` knows.
        y: what is true, as it takes it.
        predicted: what was predicted, as it takes it.
        domains: (n,) domain names; rows of None or "" belong to none and are left out.
        groups: (n,) names of groups that are drawn whole, or None.
        n_resamples: number of resamples.
        random_state: the seed.
        rule: how the figures were chosen.

    Raises:
        UnknownNameError: no metric is called so.
        InputError: there is not one domain a row.
    """
    check_metric(metric)
    y, predicted = np.asarray(y), np.asarray(predicted)
    if len(domains) != len(y):
        raise InputError(
            f"domain_scores needs one domain a row, got {len(domains)} for {len(y)} rows. Give both alike."
        )
    names = np.array(["" if name is None else str(name) for name in domains], dtype=object)
    rows = []
    for name in sorted(set(names) - {""}):
        inside = names == name
        own = None if groups is None else np.asarray(groups)[inside]
        found = bootstrap(
            metric,
            y[inside],
            predicted[inside],
            groups=own,
            n_resamples=n_resamples,
            random_state=random_state,
            rule=rule,
        )
        rows.append(DomainScore(name, int(inside.sum()), found))
    return DomainScores(metric, tuple(rows))
