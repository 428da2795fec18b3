"""uLSIF: the density ratio by least squares, with leave-one-out validation in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray

from headstart.strategies.instance._least_squares import LeastSquaresRatio
from headstart.strategies.instance._pair import Pair
from headstart.strategies.instance._weighting import Weighting


class ULSIF(Weighting):
    """Fits ``target / source`` as a sum of Gaussians of least squared error; negative coefficients are set to 0.

    Args:
        factors: gamma candidates, as multiples of the median heuristic's.
        penalties: candidates; width and penalty have the least leave-one-out error.
        n_centres: target rows that carry a Gaussian.
        n_pairs: rows of each domain that are left out by turns; all where there are no more.
        random_state: seed of centres and pairs.

    Attributes:
        gamma_: chosen.
        penalty_: chosen.
        error_: leave-one-out criterion of the choice, without its constant.

    Source: Kanamori, Hido and Sugiyama, A Least-Squares Approach to Direct Importance Estimation, JMLR 10 (2009).
    """

    name: ClassVar[str] = "ulsif"

    def __init__(
        self,
        *,
        factors: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
        penalties: Sequence[float] = (1e-3, 1e-2, 1e-1, 1.0, 10.0),
        n_centres: int = 100,
        n_pairs: int = 2000,
        random_state: int | None = 0,
    ) -> None:
        self.factors = factors
        self.penalties = penalties
        self.n_centres = n_centres
        self.n_pairs = n_pairs
        self.random_state = random_state

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        found = LeastSquaresRatio.of(
            pair,
            0.0,
            factors=self.factors,
            penalties=self.penalties,
            n_centres=self.n_centres,
            n_pairs=self.n_pairs,
            random_state=self.random_state,
        )
        self.gamma_, self.penalty_, self.error_ = found.kernel.gamma, found.penalty, found.error
        return found(pair.source)
