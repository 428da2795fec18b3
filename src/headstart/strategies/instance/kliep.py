"""KLIEP: the density ratio under which the target is likeliest, a non-negative sum of Gaussians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.kernel_means import drawn_rows, pooled_gaussian
from headstart.strategies._mathematics.kernels import Kernel
from headstart.strategies._mathematics.mixture_proportions import SMALLEST, fit_proportions
from headstart.strategies.instance._centres import kernel_table
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting

LEAST_SUPPORT = 1e-6
"""Share of the best supported centre's mean kernel over the source below which a centre is left out."""


class KLIEP(Weighting):
    """Maximises ``mean_j log w(t_j)`` of ``w(x) = sum_l a_l k(x, c_l)``, a >= 0, mean 1 over the source.

    That is the likelihood of mixture proportions, solved to a proven gap. The centres are target rows; a centre
    that no source row comes near is left out. The width is chosen by the likelihood of target rows left out.

    Args:
        factors: gamma candidates, as multiples of the median heuristic's; or one number above 0.
        n_centres: target rows that carry a Gaussian.
        n_folds: of the choice.
        random_state: seed of centres and folds.

    Attributes:
        gamma_: chosen.
        gap_: proven accuracy of the mean log-likelihood.

    Source: Sugiyama, Nakajima, Kashima, von Bunau and Kawanabe, Direct Importance Estimation with Model Selection and
    Its Application to Covariate Shift Adaptation, NIPS 2007.
    """

    name: ClassVar[str] = "kliep"

    def __init__(
        self,
        factors: Sequence[float] | float = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
        *,
        n_centres: int = 100,
        n_folds: int = 5,
        random_state: int | None = 0,
    ) -> None:
        self.factors = factors
        self.n_centres = n_centres
        self.n_folds = n_folds
        self.random_state = random_state

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        base = pooled_gaussian("median", pair.source, pair.target, random_state=self.random_state)
        centres = drawn_rows(pair.target, self.n_centres, self.random_state)
        candidates = np.atleast_1d(np.asarray(self.factors, dtype=np.float64)) * base.gamma
        scores = [0.0]
        if len(candidates) > 1:
            scores = [self._left_out(pair, centres, Kernel("rbf", gamma)) for gamma in candidates]
        self.gamma_ = float(candidates[int(np.argmax(scores))])
        kernel = Kernel("rbf", self.gamma_)
        source = kernel_table(kernel, pair.source, centres)
        support = source.mean(axis=0, dtype=np.float64)  # (n_centres,)
        kept = support > LEAST_SUPPORT * support.max()
        target = kernel_table(kernel, pair.target, centres[kept]) / support[kept]
        found = fit_proportions(target)
        self.gap_ = found.gap
        return np.asarray(source[:, kept] @ (found.shares / support[kept]))

    def _left_out(self, pair: Pair, centres: NDArray[Any], kernel: Kernel) -> float:
        """Mean log-ratio of target rows under fits without them."""
        support = kernel_table(kernel, pair.source, centres).mean(axis=0, dtype=np.float64)
        kept = support > LEAST_SUPPORT * support.max()
        target = kernel_table(kernel, pair.target, centres[kept]) / support[kept]
        part = np.random.default_rng(self.random_state).permutation(len(target)) % min(self.n_folds, len(target))
        total = 0.0
        for fold in range(int(part.max()) + 1):
            train, valid = target[part != fold], target[part == fold]
            if len(train):
                shares = fit_proportions(train, tol=1e-4).shares
                total += float(np.log(np.maximum(valid @ shares, SMALLEST)).sum())
        return total / len(target)
