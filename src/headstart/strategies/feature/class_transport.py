"""Optimal transport that sends source rows of different classes to different target rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.errors import InputError
from headstart.strategies._mathematics.kernels import squared_distances
from headstart.strategies._mathematics.transport import class_transport
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._displacement import barycentres, check_plan_fits, displaced


class ClassTransport(Alignment):
    """Sinkhorn's plan with a penalty on target rows that get mass from several classes; target rows stay.

    A fitted row goes to the mean of the target rows that its mass reaches, a new one moves as the nearest fitted row
    does.

    Args:
        entropy: multiple of the mean squared distance, above 0.
        class_weight: weight of the penalty, a multiple of the mean squared distance.
        n_rounds: rounds of tangents to the penalty.

    Source: Courty, Flamary, Tuia and Rakotomamonjy, Optimal Transport for Domain Adaptation, IEEE TPAMI 39 (2017).
    """

    name: ClassVar[str] = "class_transport"
    needs_labels: ClassVar[bool] = True

    def __init__(self, entropy: float = 0.05, *, class_weight: float = 0.1, n_rounds: int = 10) -> None:
        self.entropy = entropy
        self.class_weight = class_weight
        self.n_rounds = n_rounds

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(class_weight=0, n_rounds=1)
        if not self.entropy > 0:
            raise InputError(f"ClassTransport needs entropy above 0, got {self.entropy!r}. Raise it.")
        check_plan_fits("ClassTransport", source, target)
        costs = squared_distances(source.astype(np.float64), target.astype(np.float64))
        costs /= float(costs.mean()) or 1.0
        codes = np.asarray(source_codes)
        self.plan_ = class_transport(costs, codes, self.entropy, self.class_weight, n_rounds=self.n_rounds)
        self.rows_ = source.copy()
        self.moves_ = barycentres(self.plan_, target) - source

    def _map_source(self, X: Any) -> Any:
        return displaced(X, self.rows_, self.moves_)

    def _map_target(self, X: Any) -> Any:
        return X
