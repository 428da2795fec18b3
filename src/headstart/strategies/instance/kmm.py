"""Kernel mean matching: weights that make the source's mean in kernel space the target's."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import fetched, placed
from headstart.strategies._mathematics.box_qp import Box, BoxSolution, minimise_box_quadratic
from headstart.strategies._mathematics.hessians import DenseHessian, LowRankHessian, mapped
from headstart.strategies._mathematics.kernel_means import drawn_rows, kernel_mean, pooled_gaussian
from headstart.strategies._mathematics.kernels import Kernel
from headstart.strategies._mathematics.nystrom import Nystrom
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

DENSE_ROWS = 1500
"""Source rows up to which the kernel matrix is held whole."""
BOUND_TOLERANCE = 1e-5
"""A weight this near to the bound counts as clipped: an interior point never quite arrives."""
BLOCK_ROWS = 8192
SOLVES = 20
"""Steps that the solver may be thought to take, where it is weighed whether to make them elsewhere."""


class KMM(Weighting):
    """Minimises ``|mean_i w_i phi(x_i) - mean_j phi(t_j)|^2`` over ``0 <= w_i <= bound``, the sum nearly n_source.

    The quadratic programme is solved to a proven gap. Up to 1,500 source rows the kernel matrix is exact; above, it is
    that of Nystrom features from target rows, its diagonal made exact, in memory linear in the rows.

    Args:
        gamma: of the Gaussian kernel, or "median".
        bound: largest weight before the mean is made 1; the paper takes 1000, under which few rows may carry all.
        slack: how far the mean weight may stray from 1; None is ``1 - 1 / sqrt(n_source)``.
        solver: "dense", "nystrom", or "auto", which chooses by size.
        n_landmarks: target rows that carry the Nystrom features.
        tol: relative accuracy of the objective, without its constant.
        max_iter: steps of the solver.
        random_state: seed of the landmarks.

    Attributes:
        gap_: the objective is at most so far above its minimum, relative to its size.
        kernel_error_: mean of ``k(x, x) - phi(x) @ phi(x)`` over source rows, 0..1, which bounds the errors between
            rows; 0 where dense.
        objective_: ``w K w / 2 - kappa w`` before the mean is made 1.

    Source: Huang, Smola, Gretton, Borgwardt and Scholkopf, Correcting Sample Selection Bias by Unlabeled Data, NIPS
    2006; the diagonal as in Snelson and Ghahramani, Sparse Gaussian Processes Using Pseudo-inputs, NIPS 2005.
    """

    name: ClassVar[str] = "kmm"

    def __init__(
        self,
        gamma: float | str = "median",
        *,
        bound: float = 10.0,
        slack: float | None = None,
        solver: str = "auto",
        n_landmarks: int = 300,
        tol: float = 1e-6,
        max_iter: int = 100,
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
        from threadpoolctl import threadpool_limits

        if self.solver not in ("auto", "dense", "nystrom"):
            raise InputError(f"KMM needs solver 'auto', 'dense' or 'nystrom', got {self.solver!r}. Use 'auto'.")
        if not self.bound >= 1:
            raise InputError(f"KMM needs a bound of at least 1, the mean weight, got {self.bound!r}. Raise it.")
        kernel = pooled_gaussian(self.gamma, pair.source, pair.target, random_state=self.random_state)
        is_dense = self.solver == "dense" or (self.solver == "auto" and pair.n_source <= DENSE_ROWS)
        with threadpool_limits(1, user_api="blas"):  # many small products: a second thread would mostly wait
            solution = self._dense(pair, kernel) if is_dense else self._nystrom(pair, kernel)
        self.gamma_, self.objective_, self.n_iter_ = kernel.gamma, solution.objective, solution.n_iter
        self.gap_ = solution.gap / max(abs(solution.objective), 1e-300)
        self._n_clipped = int(np.count_nonzero(solution.point >= self.bound * (1 - BOUND_TOLERANCE)))
        return solution.point

    def _dense(self, pair: Pair, kernel: Kernel) -> BoxSolution:
        source, target = pair.source.astype(np.float64), pair.target.astype(np.float64)
        matrix = kernel(source, source)
        pull = pair.n_source * kernel_mean(kernel, source, target)
        self.kernel_error_ = 0.0
        hessian = DenseHessian((matrix + matrix.T) / 2)
        return minimise_box_quadratic(hessian, pull, self._box(pair.n_source), tol=self.tol, max_iter=self.max_iter)

    def _nystrom(self, pair: Pair, kernel: Kernel) -> BoxSolution:
        features_of = Nystrom.of(kernel, self._landmarks(pair), self.n_landmarks)
        dtype = pair.source.dtype  # kernels in float32 would lose the small directions
        work = float(pair.n_source + pair.n_target) * features_of.n_features**2

        def part_of(part: slice) -> NDArray[Any]:
            return fetched(features_of(placed(pair.source[part].astype(np.float64), work))).astype(dtype)

        def total_of(part: slice) -> NDArray[Any]:
            return fetched(features_of(placed(pair.target[part].astype(np.float64), work)).sum(axis=0))

        features = np.concatenate(mapped(part_of, _parts(pair.n_source)))
        mean = np.sum(mapped(total_of, _parts(pair.n_target)), axis=0) / pair.n_target
        diagonal = np.maximum(1 - np.einsum("ij,ij->i", features, features, dtype=np.float64), 0)
        self.kernel_error_ = float(diagonal.mean())
        pull = pair.n_source * (features @ mean.astype(features.dtype)).astype(np.float64)
        hessian = LowRankHessian(placed(features, SOLVES * work, dtype=np.float64), diagonal)
        return minimise_box_quadratic(hessian, pull, self._box(pair.n_source), tol=self.tol, max_iter=self.max_iter)

    def _landmarks(self, pair: Pair) -> NDArray[Any]:
        """Target rows; where there are landmarks enough, all rows.

        A source row among the landmarks has no diagonal of its own left, and would draw the weight of its neighbours.
        """
        if self.n_landmarks >= pair.n_source + pair.n_target:
            return np.concatenate([pair.source, pair.target])
        return drawn_rows(pair.target, self.n_landmarks, self.random_state)

    def _box(self, n: int) -> Box:
        slack = 1 - 1 / np.sqrt(n) if self.slack is None else float(self.slack)
        return Box(float(self.bound), max(0.0, n * (1 - slack)), n * (1 + slack))


def _parts(n: int) -> list[slice]:
    return [slice(start, start + BLOCK_ROWS) for start in range(0, n, BLOCK_ROWS)]
