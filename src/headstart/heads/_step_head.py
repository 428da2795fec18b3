"""What classifiers of steps in order of time share: components of the steps, a small network, its softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._head import ClassWeight
from headstart.heads._plain_head import PlainHead
from headstart.heads._scaling import BLOCK_ROWS
from headstart.heads._score_scale import softmax
from headstart.heads._small_network import SmallNetwork, fit_network, softmax_loss
from headstart.heads._steps import StepSpace, n_steps_of


class StepHead(PlainHead):
    """Base of the heads on features of several steps; a subclass says which network.

    Args:
        blocks: widths of the blocks of columns, one for each step, all alike; one step where none are named.
        penalty: on the squared weights of the network, for the mean loss of a row.
        n_hidden: units of the network.
        n_components: most principal components of a step.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        random_state: seed of the first weights.
    """

    is_slow: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "axes_", "network_")

    def __init__(
        self,
        *,
        blocks: Sequence[int] = (),
        penalty: float = 3e-3,
        n_hidden: int = 32,
        n_components: int = 64,
        class_weight: ClassWeight = None,
        random_state: int | None = 0,
    ) -> None:
        self.blocks = blocks
        self.penalty = penalty
        self.n_hidden = n_hidden
        self.n_components = n_components
        self.class_weight = class_weight
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_classes: int) -> float:
        """Rough seconds of one fit on two cores."""
        return 0.2 + 2e-7 * n * d + 1e-3 * n

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, n_steps * d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        n_steps = n_steps_of(self.blocks, X.shape[1], who=type(self).__name__)
        space = StepSpace.of(X, weights, n_steps, self.n_components)
        draw = np.random.default_rng(self.random_state)
        network = self._network()
        first = network.start(space.axes.shape[1], len(self.classes_), draw)
        loss = softmax_loss(codes, weights)
        self.network_ = fit_network(network, space(X), loss, first, penalty=self.penalty)
        self.mean_, self.scale_, self.axes_ = space.mean, space.scale, space.axes
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        parts = [self._network().forward(self.network_, steps)[0] for steps in self._steps(X)]
        return softmax(np.concatenate(parts))

    def _network(self) -> SmallNetwork:
        raise NotImplementedError

    def _steps(self, X: NDArray[Any]) -> list[NDArray[np.float64]]:
        """Components of the steps, some rows at a time."""
        n_steps = n_steps_of(self.blocks, X.shape[1], who=type(self).__name__)
        space = StepSpace(self.mean_, self.scale_, self.axes_, n_steps)
        return [space(X[begin : begin + BLOCK_ROWS]) for begin in range(0, len(X), BLOCK_ROWS)]
