"""How frequent each label is among the training rows, whatever the features: what any other head must beat."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._multi_label_head import smoothed_shares
from headstart.heads._plain_labels import PlainLabels


class LabelFrequencies(PlainLabels):
    """The same probabilities for every row: the share of training rows that have each label."""

    name: ClassVar[str] = "label_frequencies"
    cost_rank: ClassVar[int] = 0
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("prior_", "n_labels_")

    def fit(self, X: Any, y: Any) -> Self:
        """Count the (n, n_labels) of 0 and 1."""
        _, targets = self._begin_fit(X, y)
        self.prior_ = smoothed_shares(targets)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) the same line for each of (n, d) rows."""
        return np.tile(self.prior_, (self._rows(X).shape[0], 1))
