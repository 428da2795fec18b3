"""Optimal transport with entropy, and without the duty to move all mass."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.errors import InputError
from headstart.strategies._mathematics.kernels import squared_distances
from headstart.strategies._mathematics.transport import sinkhorn
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._displacement import check_plan_fits, entropic_image


class Sinkhorn(Alignment):
    """Source rows to the mean target row under the plan that is cheapest with entropy; target rows stay.

    The map holds for rows in and out of the sample. Both settings are multiples of the mean squared distance.

    Args:
        entropy: weight of the entropy, above 0; less is closer to exact transport and slower.
        relaxation: weight of keeping all masses; None keeps them, less lets outlying rows stay behind.
        n_iterations: at most.

    Source: Cuturi, Sinkhorn Distances, NIPS 2013; Fatras et al., Unbalanced Minibatch Optimal Transport, ICML 2021.
    """

    name: ClassVar[str] = "sinkhorn"

    def __init__(self, entropy: float = 0.05, *, relaxation: float | None = None, n_iterations: int = 1000) -> None:
        self.entropy = entropy
        self.relaxation = relaxation
        self.n_iterations = n_iterations

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(n_iterations=1)
        if not self.entropy > 0 or (self.relaxation is not None and not self.relaxation > 0):
            got = f"{self.entropy!r}, {self.relaxation!r}"
            raise InputError(f"Sinkhorn needs entropy and relaxation above 0, got {got}. Raise them.")
        check_plan_fits("Sinkhorn", source, target)
        costs = squared_distances(source.astype(np.float64), target.astype(np.float64))
        level = float(costs.mean()) or 1.0
        self.entropy_ = self.entropy * level
        relaxation = np.inf if self.relaxation is None else self.relaxation * level
        found = sinkhorn(costs, self.entropy_, relaxation=relaxation, n_iterations=self.n_iterations)
        self.source_potentials_, self.target_potentials_ = found
        self.rows_ = target.copy()

    def _map_source(self, X: Any) -> Any:
        return entropic_image(X, self.rows_, self.target_potentials_, self.entropy_)

    def _map_target(self, X: Any) -> Any:
        return X
