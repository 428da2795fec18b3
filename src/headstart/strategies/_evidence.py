"""What speaks for an adapted model and against it, and the tests that weigh it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

NO_EVIDENCE = float("nan")


@dataclass(frozen=True)
class Evidence:
    """One strategy against the source-only model.

    Args:
        strategy: its name.
        rule: "labels", "judges", "carried back" or "weighted error": what was compared.
        gain: estimated gain on the target: share of rows, or share of the source-only squared error; NaN where
            nothing could be compared.
        p_value: one-sided, 0..1; of the least convinced judge where there are several.
        against: why it cannot be handed over, "" where nothing speaks against it.
    """

    strategy: str
    rule: str
    gain: float
    p_value: float
    against: str = ""

    def convinces(self, level: float) -> bool:
        """True where the gain is proven at ``level`` and nothing speaks against it."""
        return not self.against and self.gain > 0 and self.p_value <= level

    def one_of(self, n_tests: int) -> Evidence:
        """The same where any of so many tests may prove it (Bonferroni)."""
        return replace(self, p_value=min(1.0, n_tests * self.p_value))

    def but(self, against: str) -> Evidence:
        """The same, with one more reason against it."""
        return replace(self, against="; ".join(filter(None, (self.against, against))))


def sign_test(n_won: int, n_lost: int) -> float:
    """One-sided p-value of as many wins or more, were either side as likely; 1 without any difference.

    Source: McNemar, Psychometrika 12 (1947), exact.

    >>> sign_test(5, 0)
    0.03125
    """
    from scipy.special import bdtrc

    n = n_won + n_lost
    return float(bdtrc(n_won - 1, n, 0.5)) if n_won else 1.0


def mean_test(gains: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> float:
    """One-sided p-value of Student's test that the weighted mean of (n,) gains is above 0.

    The weighted mean's error is that of a ratio; degrees of freedom are the effective sample size less 1.

    Source: Kish, Survey Sampling, 1965, for the effective sample size.
    """
    from scipy.special import stdtr

    weights = np.ones(len(gains)) if weights is None else weights
    share = weights / weights.sum()
    mean = float(share @ gains)
    error = float(np.sqrt((share**2 * (gains - mean) ** 2).sum()))
    n_effective = 1 / float((share**2).sum())
    if n_effective <= 1.5 or error == 0:
        return 1.0
    error *= np.sqrt(n_effective / (n_effective - 1))
    return float(1 - stdtr(n_effective - 1, mean / error))
