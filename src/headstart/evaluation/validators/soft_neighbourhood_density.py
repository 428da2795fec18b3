"""How many neighbours a target row has, softly counted: dense neighbourhoods speak for a good model."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.model_outputs import probabilities
from headstart.evaluation.own_features import own_features
from headstart.evaluation.validators._validator import Estimate, Validator

ROW_BLOCK, COLUMN_BLOCK = 512, 4096


class SoftNeighbourhoodDensity(Validator):
    """The mean entropy of ``softmax(cosine(i, j) / temperature)`` over the other target rows j, in nats.

    Every row is a neighbour; ``n_anchors`` of them, drawn at random, have their neighbourhood measured, in blocks, so
    that memory is linear and time ``n_anchors * n_target``. The estimate states the error of that draw. Best of all
    is a model whose rows are all alike, so guard it, and choose among the settings of one method rather than among
    methods: one that is less sure, or finds fewer classes, has denser neighbourhoods.

    Args:
        X_target: (n_target, d) rows of the target.
        of: "probabilities", as in the paper, or "features": the model's own.
        temperature: lower counts nearer rows only.
        n_anchors: rows whose neighbourhood is measured at most.
        random_state: seed of the draw.

    Source: Saito, Kim, Teterwak, Sclaroff, Darrell and Saenko, Tune it the Right Way: Unsupervised Validation of Domain
    Adaptation via Soft Neighborhood Density, ICCV 2021.
    """

    name: ClassVar[str] = "soft_neighbourhood_density"

    def __init__(
        self,
        X_target: Any,
        *,
        of: str = "probabilities",
        temperature: float = 0.05,
        n_anchors: int = 2000,
        random_state: int | None = 0,
    ) -> None:
        super().__init__(X_target, random_state=random_state)
        self._positive(temperature=temperature, n_anchors=n_anchors)
        if of not in ("probabilities", "features"):
            raise InputError(f"{self.name} needs of='probabilities' or 'features', got {of!r}. Take one of them.")
        if self._n_target < 2:
            raise InputError(f"{self.name} needs 2 rows in X_target, got {self._n_target}. Add rows of the target.")
        self.of = of
        self.temperature = temperature
        self.n_anchors = n_anchors

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        seen = probabilities if self.of == "probabilities" else own_features
        rows = seen(estimator, self.X_target, is_target=True)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(lengths > 0, lengths, 1)  # (n_target, k) of unit length
        anchors = self._order[: self.n_anchors]
        blocks = [anchors[i : i + ROW_BLOCK] for i in range(0, len(anchors), ROW_BLOCK)]
        return Estimate.of_rows(np.concatenate([_densities(rows, block, self.temperature) for block in blocks]))


def _densities(rows: NDArray[Any], anchors: NDArray[np.int64], temperature: float) -> NDArray[np.float64]:
    """(b,) entropies of the anchors' neighbours: log Z - E[s], both sums gathered over blocks of columns."""
    partition, energy = np.zeros(len(anchors)), np.zeros(len(anchors))
    for start in range(0, len(rows), COLUMN_BLOCK):
        cosines = (rows[anchors] @ rows[start : start + COLUMN_BLOCK].T).astype(np.float64)
        powers = (cosines - 1) / temperature  # at most 0, so nothing overflows
        shares = np.exp(powers)
        inside = np.flatnonzero((anchors >= start) & (anchors < start + COLUMN_BLOCK))
        shares[inside, anchors[inside] - start] = 0  # no row is its own neighbour
        partition += shares.sum(axis=1)
        energy += np.einsum("ij,ij->i", shares, powers)
    return np.asarray(np.log(partition) - energy / partition)
