"""Maximum independence domain adaptation: much variance that tells nothing of the domain."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from headstart.errors import InputError
from headstart.strategies._mathematics.coefficients import Coefficients, explicit_features
from headstart.strategies._mathematics.eigen import leading_vectors
from headstart.strategies._mathematics.kernels import make_kernel
from headstart.strategies._mathematics.mmd_matrix import ClassSums
from headstart.strategies.feature._alignment import Alignment, Codes


class MIDA(Alignment):
    """max tr(W'K H (variance I + label_weight Y Y' - D D') H K W) subject to W'W = I.

    D tells the domain and Y the class of a source row, one column each. The first term asks for variance, the last for
    independence of the domain by the Hilbert-Schmidt criterion. Exact up to ``n_landmarks`` rows, or linear.

    Args:
        n_components: columns of W; None takes 100 or the kernel's rank.
        variance: weight of the variance, above 0; the more rows, the more the other terms count beside it.
        label_weight: weight of the source's classes, 0 or more.
        kernel: "linear", "rbf" or "polynomial".
        gamma: "median" or above 0.
        n_landmarks: rows that stand for the kernel.
        random_state: seed of the landmarks.

    Source: Yan, Kou and Zhang, Learning Domain-Invariant Subspace Using Domain Features and Independence
    Maximization, IEEE Transactions on Cybernetics 48 (2018).
    """

    name: ClassVar[str] = "mida"
    is_symmetric: ClassVar[bool] = True

    def __init__(
        self,
        n_components: int | None = None,
        *,
        variance: float = 1.0,
        label_weight: float = 0.0,
        kernel: str = "linear",
        gamma: float | str = "median",
        n_landmarks: int = 1000,
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.variance = variance
        self.label_weight = label_weight
        self.kernel = kernel
        self.gamma = gamma
        self.n_landmarks = n_landmarks
        self.random_state = random_state

    def reads_labels(self) -> bool:
        """True where ``label_weight`` is above 0."""
        return self.label_weight > 0

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(variance=1e-12, label_weight=0, n_landmarks=2)
        if self.label_weight > 0 and source_codes is None:
            raise InputError("MIDA needs the labels of the source rows for label_weight, got y_source=None. Pass them.")
        rows = np.concatenate([source, target])
        kernel = make_kernel(self.kernel, self.gamma, rows, random_state=self.random_state)
        features = explicit_features(kernel, rows, n_landmarks=self.n_landmarks, random_state=self.random_state)
        self.coordinates_ = Coefficients.of(features, rows)
        most = self.coordinates_.rank
        k = min(100, most) if self.n_components is None else self._n_components(self.n_components, most)
        turn = self.coordinates_.rotation * np.sqrt(self.coordinates_.spread)
        n_classes = 0 if source_codes is None else int(source_codes.max()) + 1
        sums = ClassSums.of(source, source_codes, n_classes, features=features).turned(turn)
        whole = ClassSums.of(rows, features=features).turned(turn)
        centre = whole.total / len(rows)
        scatter = np.diag(np.square(self.coordinates_.spread)) - len(rows) * np.outer(centre, centre)
        domain = sums.total - len(source) * centre  # of the source; the target's is the opposite
        gain = self.variance * scatter - 2 * np.outer(domain, domain)
        if self.label_weight > 0:
            classes = sums.sums - sums.counts[:, None] * centre
            gain += self.label_weight * classes.T @ classes
        _, vectors = leading_vectors(gain, k)
        level = np.sqrt(np.einsum("ij,ij->", vectors, scatter @ vectors) / (len(rows) * k))
        self.weights_ = (turn @ vectors) / (level if level > 0 else 1.0)  # (n_features, k); the mean variance is 1

    def _map_source(self, X: Any) -> Any:
        return self.coordinates_.features(X) @ self.weights_.astype(X.dtype)
