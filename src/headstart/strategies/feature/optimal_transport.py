"""Exact optimal transport: every source row to the target rows that its mass goes to."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.strategies._mathematics.kernels import squared_distances
from headstart.strategies._mathematics.transport import exact_plan
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._displacement import barycentres, check_plan_fits, displaced


class OptimalTransport(Alignment):
    """Moves source rows onto target rows at the least total squared distance; target rows stay.

    All rows weigh the same. A fitted row goes to the mean of the target rows that its mass reaches, a new one moves
    as the nearest fitted row does.

    Source: Courty, Flamary, Tuia and Rakotomamonjy, Optimal Transport for Domain Adaptation, IEEE TPAMI 39 (2017).
    """

    name: ClassVar[str] = "optimal_transport"

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        check_plan_fits("OptimalTransport", source, target)
        costs = squared_distances(source.astype(np.float64), target.astype(np.float64))
        self.plan_ = exact_plan(costs, overwrites=True)  # (n_source, n_target) sparse
        pairs = self.plan_.tocoo()
        gaps = source[pairs.row].astype(np.float64) - target[pairs.col]
        self.cost_ = float(pairs.data @ np.einsum("ij,ij->i", gaps, gaps))
        self.rows_ = source.copy()
        self.moves_ = barycentres(self.plan_, target) - source

    def _map_source(self, X: Any) -> Any:
        return displaced(X, self.rows_, self.moves_)

    def _map_target(self, X: Any) -> Any:
        return X
