"""Kernel mean matching: weights that make the source's mean in kernel space the target's."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.box_qp import Box, BoxSolution, minimise_box_quadratic
from headstart.strategies._mathematics.kernel_means import drawn_rows, kernel_mean, pooled_gaussian
from headstart.strategies._mathematics.kernels import Kernel
from headstart.strategies._mathematics.nystrom import Nystrom
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

DENSE_ROWS = 1500
"""Source rows up to which the kernel matrix is held whole."""
BLOCK_ROWS = 8192
FINEST_SINGLE = 1e-5
"""Relative accuracy that features in float32 bear out."""


class KMM(Weighting):
    """Minimises ``|mean_i w_i phi(x_i) - mean_j phi(t_j)|^2`` over ``0 <= w_i <= bound``, the sum nearly n_source.

    The quadratic programme is solved to a proven gap. Up to 1,500 source rows the kernel matrix is exact; above, it is
    that of Nystrom features from both domains, in memory linear in the rows.

    Args:
        gamma: of the Gaussian kernel, or "median".
        bound: largest weight before the mean is made 1.
        slack: how far the mean weight may stray from 1; None is ``1 - 1 / sqrt(n_source)``.
        solver: "dense", "nystrom", or "auto", which chooses by size.
        n_landmarks: rows that carry the Nystrom features.
        tol: relative accuracy of the objective, without its constant.
        max_iter: steps of the solver.
        random_state: seed of the landmarks.

    Attributes:
        gap_: the objective is at most so far above its minimum, relative to its size.
        kernel_error_: mean of ``k(x, x) - phi(x) @ phi(x)`` over source rows, 0..1; 0 where dense.
        objective_: ``w K w / 2 - kappa w`` before the mean is made 1.

    Source: Huang, Smola, Gretton, Borgwardt and Scholkopf, Correcting Sample Selection Bias by Unlabeled Data, NIPS
    2006.
    """

    name: ClassVar[str] = "kmm"

    def __init__(
        self,
        gamma: float | str = "median",
        *,
        bound: float = 1000.0,
        slack: float | None = None,
        solver: str = "auto",
        n_landmarks: int = 300,
        tol: float = 1e-6,
        max_iter: int = 5000,
        random_state: int | None = 0,
    ) -> None:
        self.gamma = gamma
        self.bound = bound
        self.slack = slack
        self.solver = solver
        self.n_landmarks = n_landmarks
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        if self.solver not in ("auto", "dense", "nystrom"):
            raise InputError(f"KMM needs solver 'auto', 'dense' or 'nystrom', got {self.solver!r}. Use 'auto'.")
        if not self.bound >= 1:
            raise InputError(f"KMM needs a bound of at least 1, the mean weight, got {self.bound!r}. Raise it.")
        kernel = pooled_gaussian(self.gamma, pair.source, pair.target, random_state=self.random_state)
        is_dense = self.solver == "dense" or (self.solver == "auto" and pair.n_source <= DENSE_ROWS)
        solution = self._dense(pair, kernel) if is_dense else self._nystrom(pair, kernel)
        self.gamma_, self.objective_, self.n_iter_ = kernel.gamma, solution.objective, solution.n_iter
        self.gap_ = solution.gap / max(abs(solution.objective), 1e-300)
        self._n_clipped = int(np.count_nonzero(solution.point >= self.bound * (1 - 1e-9)))
        return solution.point

    def _dense(self, pair: Pair, kernel: Kernel) -> BoxSolution:
        source, target = pair.source.astype(np.float64), pair.target.astype(np.float64)
        matrix = kernel(source, source)
        matrix = (matrix + matrix.T) / 2
        pull = pair.n_source * kernel_mean(kernel, source, target)
        self.kernel_error_ = 0.0
        return minimise_box_quadratic(
            lambda w: matrix @ w, pull, self._box(pair.n_source), tol=self.tol, max_iter=self.max_iter
        )

    def _nystrom(self, pair: Pair, kernel: Kernel) -> BoxSolution:
        features_of = Nystrom.of(kernel, self._landmarks(pair), self.n_landmarks)
        features = np.empty((pair.n_source, features_of.n_features), dtype=pair.source.dtype)
        for start in range(0, pair.n_source, BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            features[part] = features_of(pair.source[part].astype(np.float64))  # float32 kernels would lose the small
        mean = np.zeros(features_of.n_features)
        for start in range(0, pair.n_target, BLOCK_ROWS):
            mean += features_of(pair.target[start : start + BLOCK_ROWS].astype(np.float64)).sum(axis=0)
        mean /= pair.n_target
        self.kernel_error_ = float(1 - np.einsum("ij,ij->", features, features, dtype=np.float64) / pair.n_source)

        def times(w: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(features @ (w.astype(features.dtype) @ features), dtype=np.float64)

        pull = (pair.n_source * (features @ mean.astype(features.dtype))).astype(np.float64)
        tol = max(self.tol, FINEST_SINGLE) if features.dtype == np.float32 else self.tol
        return minimise_box_quadratic(times, pull, self._box(pair.n_source), tol=tol, max_iter=self.max_iter)

    def _landmarks(self, pair: Pair) -> NDArray[Any]:
        """As many rows of the one domain as of the other, or what there is."""
        of_source = max(min(self.n_landmarks // 2, pair.n_source), self.n_landmarks - pair.n_target)
        drawn = drawn_rows(pair.source, of_source, self.random_state)
        return np.concatenate([drawn, drawn_rows(pair.target, self.n_landmarks - len(drawn), self.random_state)])

    def _box(self, n: int) -> Box:
        slack = 1 - 1 / np.sqrt(n) if self.slack is None else float(self.slack)
        return Box(float(self.bound), max(0.0, n * (1 - slack)), n * (1 + slack))
