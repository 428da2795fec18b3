"""The same score for every row, whatever the features: what any other detector must beat."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._plain_detector import PlainDetector


class Indifferent(PlainDetector):
    """Finds every row as strange as every other."""

    name: ClassVar[str] = "indifferent"
    cost_rank: ClassVar[int] = 0
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("offset_",)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the (n, d) rows."""
        self._begin_fit(X, y)
        self.offset_ = 0.0
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) zeros."""
        return np.zeros(self._rows(X).shape[0])
