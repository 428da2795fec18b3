"""What a two-sample test finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TwoSample:
    """A statistic and how seldom it is so large by chance.

    Args:
        name: of the test.
        statistic: larger is farther apart.
        p_value: of the hypothesis that both domains are one; in (0, 1].
        n_source: source rows looked at.
        n_target: target rows looked at.
    """

    name: str
    statistic: float
    p_value: float
    n_source: int
    n_target: int
