"""Late fusion of detectors: how unlikely each part is among normal rows, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._block_detectors import detectors_say, fit_detectors
from headstart.heads._blocks import slices_of
from headstart.heads._detector import Detector
from headstart.heads._tail import fisher_surprise


class LateFusionAnomaly(Detector):
    """A detector for each part, whose scores become chances among normal rows that it did not learn from.

    The chances of a row's parts are combined by Fisher's method, so that rows that lack a part can be compared with
    those that have all. The detectors are Mahalanobis distances. There are no weights to learn: of anomalous rows
    nothing is known.

    Args:
        blocks: widths of the blocks of columns, one for each part; a row whose block is all zeros lacks the part.
        random_state: seed of the folds.

    Source: Fisher, Statistical Methods for Research Workers (1925), section 21.1, for the combination.
    """

    name: ClassVar[str] = "late_fusion_anomaly"
    cost_rank: ClassVar[int] = 11
    is_general: ClassVar[bool] = False

    def __init__(self, *, blocks: Sequence[int] = (), random_state: int | None = 0) -> None:
        self.blocks = blocks
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to the (n, d) rows whose ``y`` is 0, or to all."""
        X = self._begin_fit(X, y)
        slices = slices_of(self.blocks, X.shape[1])
        self.detectors_, self.normal_scores_ = fit_detectors(X, slices, random_state=self.random_state)
        self._set_offset(self._scores(X))
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) minus the logarithm of the chance that a normal row is as strange."""
        return self._scores(self._rows(X))

    def _scores(self, X: NDArray[Any]) -> NDArray[np.float64]:
        slices = slices_of(self.blocks, X.shape[1])
        return fisher_surprise(*detectors_say(self.detectors_, self.normal_scores_, X, slices))
