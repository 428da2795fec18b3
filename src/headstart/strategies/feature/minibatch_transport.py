"""Optimal transport between any numbers of rows, batch by batch."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.errors import InputError
from headstart.strategies._mathematics.kernels import squared_distances
from headstart.strategies._mathematics.transport import sinkhorn
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._displacement import entropic_image


class MiniBatchTransport(Alignment):
    """The mean of the entropic maps between batches of both domains; target rows stay.

    A batch's plan costs its size squared, the map of a row all batches' target rows: time and memory are linear in
    the rows. Where both domains fit into one batch it is the map of ``Sinkhorn``.

    Args:
        entropy: weight of the entropy, a multiple of the mean squared distance, above 0.
        batch_size: rows of each domain in a batch.
        n_batches: how many maps are averaged.
        relaxation: weight of keeping all masses in a batch, likewise a multiple; None keeps them.
        n_iterations: of each batch, at most.
        random_state: seed of the batches.

    Source: Fatras, Zine, Flamary, Gribonval and Courty, Learning with Minibatch Wasserstein, AISTATS 2020.
    """

    name: ClassVar[str] = "minibatch_transport"

    def __init__(
        self,
        entropy: float = 0.05,
        *,
        batch_size: int = 500,
        n_batches: int = 8,
        relaxation: float | None = None,
        n_iterations: int = 300,
        random_state: int | None = 0,
    ) -> None:
        self.entropy = entropy
        self.batch_size = batch_size
        self.n_batches = n_batches
        self.relaxation = relaxation
        self.n_iterations = n_iterations
        self.random_state = random_state

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(batch_size=2, n_batches=1, n_iterations=1)
        if not self.entropy > 0 or (self.relaxation is not None and not self.relaxation > 0):
            got = f"{self.entropy!r}, {self.relaxation!r}"
            raise InputError(f"MiniBatchTransport needs entropy and relaxation above 0, got {got}. Raise them.")
        is_whole = max(len(source), len(target)) <= self.batch_size
        rng = np.random.default_rng(self.random_state)
        self.maps_ = []  # target rows of a batch, their potentials, the entropy
        for _ in range(1 if is_whole else self.n_batches):
            rows, others = (self._drawn(domain, rng) for domain in (source, target))
            costs = squared_distances(rows.astype(np.float64), others.astype(np.float64))
            level = float(costs.mean()) or 1.0
            relaxation = np.inf if self.relaxation is None else self.relaxation * level
            settings: dict[str, Any] = {"relaxation": relaxation, "n_iterations": self.n_iterations, "tolerance": 1e-6}
            if is_whole:
                settings["tolerance"] = 1e-9
            found = sinkhorn(costs, self.entropy * level, **settings)
            self.maps_.append((others, found[1], self.entropy * level))

    def _drawn(self, rows: Any, rng: np.random.Generator) -> Any:
        if len(rows) <= self.batch_size:
            return rows.copy()
        return rows[np.sort(rng.choice(len(rows), self.batch_size, replace=False))]

    def _map_source(self, X: Any) -> Any:
        total = np.zeros_like(X)
        for target, potentials, entropy in self.maps_:
            total += entropic_image(X, target, potentials, entropy)
        total /= len(self.maps_)
        return total

    def _map_target(self, X: Any) -> Any:
        return X
