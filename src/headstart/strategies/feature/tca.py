"""Transfer component analysis: few components in which both domains have the same mean and much variance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.errors import InputError
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._kernel_map import KernelMap, KernelSettings


class TCA(Alignment):
    """min tr(W'K L K W) + regularization tr(W'W) subject to W'K H K W = I.

    L is the MMD matrix, of Frobenius norm 1; H centres. Exact for the linear kernel and up to ``n_landmarks`` rows of
    both domains; above that the kernel is approximated. Memory is linear in the rows. With ``label_share`` or
    ``manifold`` above 0 it is the semi-supervised form.

    Args:
        n_components: columns of W; None takes 100 or the kernel's rank.
        regularization: above 0, as in the paper, where rows have unit length; with more or longer rows such a number
            counts less. None is a share of the trace of K H K, 1e-4, which means the same for any rows.
        kernel: "linear", "rbf" or "polynomial".
        gamma: "median" (1 / twice the median squared distance) or above 0.
        penalty: "coefficients" is W'W; "weights" is W'K W, the length of the weights on features.
        scaling: "length" gives every column of W the same length, as the published programs do, so that components keep
            their share of the variance; "variance" gives them all the same, as the constraint says. The mean is 1.
        label_share: weight of the source labels in what is kept, from 0 to 1.
        manifold: weight of neighbours staying neighbours, 0 or more.
        n_neighbours: neighbours a row has there.
        n_landmarks: rows, or random features, that stand for the kernel.
        approximation: "nystrom" or "fourier" (rbf alone).
        solver: "dense", "lanczos" or "auto".
        random_state: seed of landmarks and random features.

    Source: Pan, Tsang, Kwok and Yang, Domain Adaptation via Transfer Component Analysis, IEEE TNN 22 (2011).
    """

    name: ClassVar[str] = "tca"
    is_symmetric: ClassVar[bool] = True

    def __init__(
        self,
        n_components: int | None = None,
        *,
        regularization: float | None = None,
        kernel: str = "linear",
        gamma: float | str = "median",
        penalty: str = "coefficients",
        scaling: str = "length",
        label_share: float = 0.0,
        manifold: float = 0.0,
        n_neighbours: int = 10,
        n_landmarks: int = 1000,
        approximation: str = "nystrom",
        solver: str = "auto",
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.regularization = regularization
        self.kernel = kernel
        self.gamma = gamma
        self.penalty = penalty
        self.scaling = scaling
        self.label_share = label_share
        self.manifold = manifold
        self.n_neighbours = n_neighbours
        self.n_landmarks = n_landmarks
        self.approximation = approximation
        self.solver = solver
        self.random_state = random_state

    def reads_labels(self) -> bool:
        """True where ``label_share`` is above 0."""
        return self.label_share > 0

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(label_share=0, manifold=0, n_neighbours=1)
        if self.label_share > 1:
            raise InputError(f"TCA needs label_share from 0 to 1, got {self.label_share!r}. Lower it.")
        if self.label_share > 0 and source_codes is None:
            raise InputError("TCA needs the labels of the source rows for label_share, got y_source=None. Pass them.")
        known = {name: value for name, value in self.get_params().items() if name in KernelSettings.__annotations__}
        self.map_ = KernelMap(KernelSettings(**known), source, target, "TCA")
        n_classes = 0 if source_codes is None else int(source_codes.max()) + 1
        sums = self.map_.sums(source, source_codes, n_classes), self.map_.sums(target, None, n_classes)
        extra = self._manifold_cost(source, target) if self.manifold > 0 else 0.0
        self.weights_ = self.map_.solve(*sums, balance=0, extra_cost=extra, label_share=self.label_share)

    def _map_source(self, X: Any) -> Any:
        return self.map_.project(X, self.weights_)

    def _manifold_cost(self, source: Any, target: Any) -> Any:
        from headstart.strategies._mathematics.neighbour_graph import cosine_laplacian

        rows = np.concatenate([source, target])
        coordinates = self.map_.coordinate_rows(rows)
        laplacian = cosine_laplacian(rows, self.n_neighbours)
        return self.manifold / len(rows) ** 2 * coordinates.T @ (laplacian @ coordinates)
