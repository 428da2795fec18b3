"""Transfer joint matching: TCA that also lets source rows go that do not look like the target."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.coefficients import Coefficients, explicit_features
from headstart.strategies._mathematics.eigen import constrained_minimum
from headstart.strategies._mathematics.kernels import make_kernel
from headstart.strategies._mathematics.mmd_matrix import ClassSums, joint_gap
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._kernel_map import penalty_for

UNIT_LENGTHS = 100
"""Lengths that make the usual unit: about as many as under the published protocol, where the unit is 1."""


class TJM(Alignment):
    """min tr(W'K M K W) + regularization (sum_source |w_i| + |W_target|^2) subject to W'K H K W = I, w_i the rows of W.

    The lengths of source rows of W, not squared, send some of them to 0. Each round solves the problem with the
    lengths' tangents. With features F of the kernel, K = F F', the best W for given weights on features has a closed
    form, so that there are as many unknowns as features. Exact up to ``n_landmarks`` rows and for linear kernels.

    Args:
        n_components: columns of W; None takes 100 or the kernel's rank.
        regularization: above 0, as in the paper, where rows have unit length; with more or longer rows such a number
            counts less. None means the same for any rows: a share of the trace of K H K, 1e-4, and lengths of source
            rows in units of a hundred times the root mean square length of all rows in the first round.
        kernel: "linear", "rbf" or "polynomial".
        gamma: "median" or above 0.
        n_rounds: rounds of tangents.
        n_landmarks: rows that stand for the kernel.
        random_state: seed of the landmarks.

    Source: Long, Wang, Ding, Sun and Yu, Transfer Joint Matching for Unsupervised Domain Adaptation, CVPR 2014.
    """

    name: ClassVar[str] = "tjm"
    is_symmetric: ClassVar[bool] = True

    def __init__(
        self,
        n_components: int | None = None,
        *,
        regularization: float | None = None,
        kernel: str = "linear",
        gamma: float | str = "median",
        n_rounds: int = 10,
        n_landmarks: int = 1000,
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.regularization = regularization
        self.kernel = kernel
        self.gamma = gamma
        self.n_rounds = n_rounds
        self.n_landmarks = n_landmarks
        self.random_state = random_state

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(n_rounds=1, n_landmarks=2)
        if self.regularization is not None and not self.regularization > 0:
            raise InputError(f"TJM needs regularization above 0 or None, got {self.regularization!r}. Raise it.")
        rows = np.concatenate([source, target])
        kernel = make_kernel(self.kernel, self.gamma, rows, random_state=self.random_state)
        features = explicit_features(kernel, rows, n_landmarks=self.n_landmarks, random_state=self.random_state)
        self.coordinates_ = Coefficients.of(features, rows)
        most = self.coordinates_.rank
        k = min(100, most) if self.n_components is None else self._n_components(self.n_components, most)
        plain = self.coordinates_.plain(rows).astype(np.float64)  # (n, r)
        n = len(source)
        gaps = joint_gap(ClassSums.of(plain[:n]), ClassSums.of(plain[n:]), balance=0)
        centred = plain - plain.mean(axis=0)
        scatter = centred.T @ centred
        penalty = penalty_for(self.regularization, float(self.coordinates_.spread @ np.diag(scatter)))
        slopes = np.ones(len(rows))  # of the squared length of each row of W
        unit = 1.0
        for done in range(self.n_rounds):
            inverse = np.asarray(np.linalg.inv(plain.T @ (plain / slopes[:, None])), dtype=np.float64)
            cost = gaps.T @ gaps + penalty * (inverse + inverse.T) / 2
            _, vectors = constrained_minimum(cost, scatter, k)
            lengths = np.linalg.norm(_rows_of_w(plain, slopes, inverse, vectors), axis=1)
            if done == 0 and self.regularization is None:
                unit = UNIT_LENGTHS * float(np.sqrt(np.mean(lengths**2)))
            slopes[:n] = 0.5 * unit / np.sqrt(lengths[:n] ** 2 + 1e-8 * np.mean(lengths**2))
        self.lengths_ = lengths  # (n_source + n_target,) of the rows of W
        level = np.sqrt(np.einsum("ij,ij->", vectors, scatter @ vectors) / (len(rows) * vectors.shape[1]))
        self.weights_ = self.coordinates_.rotation @ vectors / level  # (n_features, k)

    def _map_source(self, X: Any) -> Any:
        return self.coordinates_.features(X) @ self.weights_.astype(X.dtype)


def _rows_of_w(
    plain: NDArray[np.float64], slopes: NDArray[np.float64], inverse: NDArray[np.float64], vectors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, k) the W of least weighted length with F'W = vectors."""
    return np.asarray((plain / slopes[:, None]) @ (inverse @ vectors))
