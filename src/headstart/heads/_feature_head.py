"""What heads of every task share: rows of features in, outputs that the task's metrics take out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data


class FeatureHead(BaseEstimator):  # type: ignore[misc]
    """An estimator on features, of one task. A head's file defines one subclass, whose ``name`` is the file's name."""

    name: ClassVar[str] = ""
    task: ClassVar[str] = "classification"
    """The task it serves."""
    cost_rank: ClassVar[int] = 0
    """Smaller is simpler, and wins ties."""
    is_slow: ClassVar[bool] = False
    """True where a choice under a deadline should ask :meth:`fit_seconds` first."""

    accepts_sparse: ClassVar[bool] = False
    """True where rows may be a sparse matrix."""
    is_general: ClassVar[bool] = True
    """True where it is tried on any features unless other heads are named."""

    n_features_in_: int

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be used here and what to do, in one line; "" where it can."""
        return ""

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_outputs: int) -> float:
        """Rough seconds of one fit on two cores; 0 where it never matters."""
        return 0.0

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """What the task's metrics take of (n, d) rows: (n, n_outputs) probabilities, or (n,) numbers or scores."""
        raise NotImplementedError

    def _rows(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        sparse = self._sparse_format()
        rows: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=False, accept_sparse=sparse)
        return rows if self.accepts_sparse else np.asarray(rows)

    def _sparse_format(self) -> str | bool:
        return "csr" if self.accepts_sparse else False

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn whether sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.accepts_sparse
        return tags
