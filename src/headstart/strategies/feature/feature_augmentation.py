"""Frustratingly easy adaptation: a shared copy of the columns and one of each domain."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.strategies.feature._alignment import Alignment, Codes


class FeatureAugmentation(Alignment):
    """Source rows x to (x, x, 0), target rows to (x, 0, x); sparse rows stay sparse.

    It is made for some labels in the target: what holds in both domains is learnt in the first copy, the rest in the
    others.

    Source: Daume, Frustratingly Easy Domain Adaptation, ACL 2007.
    """

    name: ClassVar[str] = "feature_augmentation"
    accepts_sparse: ClassVar[bool] = True

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        """There is nothing to learn."""

    def _map_source(self, X: Any) -> Any:
        return _beside(X, X, None)

    def _map_target(self, X: Any) -> Any:
        return _beside(X, None, X)


def _beside(*copies: Any) -> Any:
    """Copies side by side, zeros for None."""
    from scipy.sparse import csr_array, hstack, issparse

    given = copies[0]
    if issparse(given):
        empty = csr_array(given.shape, dtype=given.dtype)
        return hstack([empty if rows is None else rows for rows in copies], format="csr")
    return np.hstack([np.zeros_like(given) if rows is None else rows for rows in copies])
