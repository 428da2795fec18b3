"""What every weighting shares: rows of two domains in, one weight for each source row out."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from headstart.errors import InputError
from headstart.strategies.instance._pair import Pair, check_pair
from headstart.strategies.instance._weight_summary import WeightSummary, summarise


class Weighting(BaseEstimator):  # type: ignore[misc]
    """Gives each source row a weight so that the source looks like the target. Base of all weightings.

    A weighting's file defines one subclass, whose ``name`` is the file's name, with ``_ratio``.

    Attributes:
        weights_: (n_source,) non-negative, mean 1, in the float type of ``X_source``.
        effective_sample_size_: how many equal rows carry as much.
        n_clipped_: rows at the largest weight that the method allows.
        summary_: all of that and a histogram.
    """

    name: ClassVar[str] = ""
    needs_source_labels: ClassVar[bool] = False
    needs_target_labels: ClassVar[bool] = False
    _n_clipped: int = 0

    weights_: NDArray[Any]
    summary_: WeightSummary

    def fit(self, X_source: Any, X_target: Any, *, y_source: Any = None, y_target: Any = None) -> Self:
        """Weigh the source rows.

        Args:
            X_source: (n_source, d) rows.
            X_target: (n_target, d) rows.
            y_source: (n_source,) targets; read by methods of label shift alone.
            y_target: (n_target,) labels, None where missing; read by methods that need a few of them.

        Raises:
            InputError: the rows or labels are not usable.
        """
        labels = y_source if self.needs_source_labels else None
        few = y_target if self.needs_target_labels else None
        pair = check_pair(type(self).__name__, X_source, X_target, labels, few, accepts_sparse=self._takes_sparse())
        self._n_clipped = 0
        ratio = np.asarray(self._ratio(pair), dtype=np.float64)
        if not np.isfinite(ratio).all() or (ratio < 0).any():
            raise InputError(
                f"{type(self).__name__} needs features of a usable scale, got weights that are not finite."
            )
        if not ratio.sum() > 0:
            what = f"{type(self).__name__} needs domains that overlap, got no source row like the target"
            raise InputError(f"{what}. Scale the features, or take Discriminative.")
        ratio = ratio / ratio.mean()
        self.weights_ = pair.as_given(ratio).astype(pair.source.dtype)
        self.n_clipped_ = self._n_clipped
        self.summary_ = summarise(self.weights_, n_clipped=self.n_clipped_)
        self.effective_sample_size_ = self.summary_.effective_sample_size
        return self

    def _takes_sparse(self) -> bool:
        """True where sparse rows stay sparse."""
        return False

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        """(n_source,) non-negative weights up to a factor, not all 0."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        """True once there are weights."""
        return hasattr(self, "weights_")
