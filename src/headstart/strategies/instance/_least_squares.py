"""The ratio that uLSIF and RuLSIF fit: width and penalty chosen by leaving rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.kernel_means import drawn_rows, pooled_gaussian
from headstart.strategies._mathematics.kernels import Kernel
from headstart.strategies._mathematics.least_squares_ratio import leave_one_out_error, moments
from headstart.strategies.instance._centres import kernel_table
from headstart.strategies.instance._pair import Pair


@dataclass(frozen=True, eq=False)
class LeastSquaresRatio:
    """A non-negative sum of Gaussians.

    Args:
        kernel: chosen.
        penalty: chosen.
        error: leave-one-out criterion of the choice; NaN where a domain has one row.
        centres: (m, d) target rows.
        coefficients: (m,) non-negative.
    """

    kernel: Kernel
    penalty: float
    error: float
    centres: NDArray[Any]
    coefficients: NDArray[np.float64]

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n,) ratios of (n, d) rows."""
        return kernel_table(self.kernel, X, self.centres) @ self.coefficients

    @classmethod
    def of(
        cls,
        pair: Pair,
        relative: float,
        *,
        factors: Sequence[float],
        penalties: Sequence[float],
        n_centres: int,
        n_pairs: int,
        random_state: int | None,
    ) -> Self:
        """The candidate of least leave-one-out error; coefficients that are all 0 come last."""
        base = pooled_gaussian("median", pair.source, pair.target, random_state=random_state)
        centres = drawn_rows(pair.target, n_centres, random_state)
        n_left = min(pair.n_source, pair.n_target, n_pairs)
        draw = np.random.default_rng(random_state)
        left = [draw.permutation(n)[:n_left] for n in (pair.n_source, pair.n_target)]
        found: list[Self] = []
        for factor in factors:
            kernel = Kernel("rbf", float(factor) * base.gamma)
            source, target = (kernel_table(kernel, X, centres) for X in (pair.source, pair.target))
            known = moments(source, target, relative)
            for penalty in penalties:
                error = float("nan")
                if min(pair.n_source, pair.n_target) > 1:
                    error = leave_one_out_error(known, source[left[0]], target[left[1]], float(penalty))
                found.append(cls(kernel, float(penalty), error, centres, known.solve(float(penalty))))
        usable = [one for one in found if one.coefficients.any()] or found
        return min(usable, key=lambda one: one.error if np.isfinite(one.error) else np.inf)
