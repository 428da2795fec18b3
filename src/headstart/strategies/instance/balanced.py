"""Source and a few labelled target rows together, each domain with its share of the loss."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.instance._pair import Pair, is_missing
from headstart.strategies.instance._weighting import Weighting


class Balanced(Weighting):
    """Minimises ``(1 - gamma) mean source loss + gamma mean loss of labelled target rows``.

    Source rows all weigh 1; ``Reweighted`` gives each labelled target row ``target_weight_``.

    Args:
        gamma: 0..1, share of the target.

    Attributes:
        target_weight_: of each labelled target row.

    Source: Wu and Dietterich, Improving SVM Accuracy by Training on Auxiliary Data Sources, ICML 2004.
    """

    name: ClassVar[str] = "balanced"
    needs_target_labels: ClassVar[bool] = True

    def __init__(self, gamma: float = 0.5) -> None:
        self.gamma = gamma

    def _ratio(self, pair: Pair) -> NDArray[Any]:
        if not 0 <= self.gamma < 1:
            raise InputError(f"Balanced needs gamma from 0 to below 1, got {self.gamma!r}. Use 0.5.")
        n_labelled = 0 if pair.y_target is None else int(np.count_nonzero(~is_missing(pair.y_target)))
        if n_labelled == 0:
            raise InputError("Balanced needs labels of some target rows, got none. Pass y_target, None where missing.")
        self.target_weight_ = self.gamma / (1 - self.gamma) * pair.n_source / n_labelled
        return np.ones(pair.n_source)

    def _takes_sparse(self) -> bool:
        return True
