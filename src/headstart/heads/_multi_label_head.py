"""What every head for several labels a row shares: a table of 0 and 1 in, independent probabilities out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from headstart.errors import InputError
from headstart.heads._feature_head import FeatureHead

LEAST = 1e-6
"""No probability is nearer to 0 or 1 than this."""


class MultiLabelHead(FeatureHead):
    """(n, d) rows in, (n, n_labels) probabilities out, each label by itself. Base of all heads for several labels."""

    task: ClassVar[str] = "multi_label"

    n_labels_: int

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        raise NotImplementedError

    def predict(self, X: Any) -> NDArray[np.uint8]:
        """(n, n_labels) 1 where the label is more likely than not."""
        return (self.predict_proba(X) >= 0.5).astype(np.uint8)

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """(n, n_outputs) probabilities."""
        return self.predict_proba(X)

    def _begin_fit(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Check the input; return rows and (n, n_labels) targets.

        Raises:
            InputError: the targets are no table of 0 and 1, one line a row.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32], accept_sparse=self._sparse_format())
        targets = np.asarray(y, dtype=np.float64)
        if targets.ndim != 2 or len(targets) != X.shape[0] or not np.isin(targets, (0.0, 1.0)).all():
            raise InputError(
                f"{type(self).__name__} needs (n, n_labels) of 0 and 1, got shape {targets.shape} for {X.shape[0]} "
                "rows. Give one column a label."
            )
        self.n_labels_ = targets.shape[1]
        return X, targets


def smoothed_shares(targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_labels,) share of rows that have each label, as if half a row more had it and half a row lacked it."""
    return np.asarray((targets.sum(axis=0) + 0.5) / (len(targets) + 1.0))
