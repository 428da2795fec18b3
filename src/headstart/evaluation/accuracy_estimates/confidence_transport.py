"""The cost of carrying the target's predictions onto the source's class shares."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np

from headstart.evaluation.accuracy_estimates._sides import Float, calibrated, source_side, target_side

MOST_ROWS = 4_000
"""Target rows that are carried; of more so many are drawn with a fixed seed."""


@final
class ConfidenceTransport:
    """One minus the least mean of 1 - p(class given) when the target's rows are given classes in the source's shares.

    Sees what confidence does not: a model that is sure and says one class of everything.  Where the classes' shares
    really changed it says too little.

    Args:
        is_calibrated: True fits a temperature to the source first.

    Source: Lu et al., Characterizing Out-of-Distribution Error via Optimal Transport, NeurIPS 2023 (COT).
    """

    name: ClassVar[str] = "confidence_transport"
    needs_features: ClassVar[bool] = False

    def __init__(self, *, is_calibrated: bool = True) -> None:
        self.is_calibrated = is_calibrated

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Take the class shares of (n,) codes, the temperature by (n, k) out-of-fold probabilities.

        Raises:
            InputError: there are no rows, or the arguments cannot be.
        """
        proba, codes, _ = source_side("ConfidenceTransport", source_proba, y_source)
        self._scaling = calibrated(proba, codes, self.is_calibrated)
        self._shares = np.bincount(codes, minlength=proba.shape[1]) / len(codes)
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on rows with (m, k) probabilities."""
        proba = target_side("ConfidenceTransport", target_proba, len(self._shares))
        if len(proba) > MOST_ROWS:
            proba = proba[np.random.default_rng(0).choice(len(proba), MOST_ROWS, replace=False)]
        return float(np.clip(1.0 - _transport_cost(1.0 - self._scaling.transform(proba), self._shares), 0.0, 1.0))


def _transport_cost(costs: Float, shares: Float) -> float:
    """Least mean cost of giving (m, k) rows one of k classes each, in (k,) shares; rows may be parted."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    m, k = costs.shape
    entry = np.arange(m * k)
    places = np.concatenate([entry // k, m + entry % k]), np.concatenate([entry, entry])
    sums = coo_array((np.ones(2 * m * k), places), shape=(m + k, m * k)).tocsr()
    masses = np.concatenate([np.full(m, 1.0 / m), shares])
    return float(linprog(costs.ravel(), A_eq=sums[:-1], b_eq=masses[:-1], method="highs").fun)
