"""Subspace alignment: the source's principal axes turned onto the target's."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._moments import check_not_constant, principal_axes


class SubspaceAlignment(Alignment):
    """Source rows to (x - m_s) P_s P_s' P_t, target rows to (x - m_t) P_t, with P the k principal axes of each domain.

    Args:
        n_components: k; None takes as many as the smaller domain has, at most 80.

    Source: Fernando, Habrard, Sebban and Tuytelaars, Unsupervised Visual Domain Adaptation Using Subspace Alignment,
    ICCV 2013.
    """

    name: ClassVar[str] = "subspace_alignment"
    MOST: ClassVar[int] = 80

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        check_not_constant(type(self).__name__, X_source=source)
        most = min(len(source) - 1, max(len(target) - 1, 1), source.shape[1])
        k = min(most, self.MOST) if self.n_components is None else self._n_components(self.n_components, most)
        self.source_mean_, source_axes = principal_axes(source, k)
        self.target_mean_, self.target_axes_ = principal_axes(target, k)  # (d, k)
        self.source_axes_ = source_axes @ (source_axes.T @ self.target_axes_)  # (d, k)

    def _map_source(self, X: Any) -> Any:
        return (X - self.source_mean_.astype(X.dtype)) @ self.source_axes_.astype(X.dtype)

    def _map_target(self, X: Any) -> Any:
        return (X - self.target_mean_.astype(X.dtype)) @ self.target_axes_.astype(X.dtype)
