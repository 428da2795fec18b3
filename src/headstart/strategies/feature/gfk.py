"""Geodesic flow kernel: all the subspaces on the way from source to target at once."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.strategies._mathematics.geodesic import geodesic_features
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._moments import check_not_constant, principal_axes


class GFK(Alignment):
    """Rows x -> x F with F F' = G, the integral of the projections along the geodesic between two subspaces.

    F is (d, 2 k), so inner products of the images are x G y at a fraction of G's cost. Both domains go through one map.

    Args:
        n_components: k, the axes of each subspace; None takes 20 or what there is, at most half the columns.

    Source: Gong, Shi, Sha and Grauman, Geodesic Flow Kernel for Unsupervised Domain Adaptation, CVPR 2012.
    """

    name: ClassVar[str] = "gfk"
    is_symmetric: ClassVar[bool] = True

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        check_not_constant(type(self).__name__, X_source=source)
        most = min(len(source) - 1, max(len(target) - 1, 1), source.shape[1])
        usual = max(1, min(20, most, source.shape[1] // 2))
        k = usual if self.n_components is None else self._n_components(self.n_components, most)
        _, source_axes = principal_axes(source, k)
        _, target_axes = principal_axes(target, k)
        self.coef_ = geodesic_features(source_axes, target_axes)  # (d, 2 k)

    def _map_source(self, X: Any) -> Any:
        return X @ self.coef_.astype(X.dtype)
