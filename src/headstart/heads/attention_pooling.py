"""Attention over the steps of a row: which of them tell the class is learnt."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.heads._attention_network import AttentionNetwork
from headstart.heads._step_head import StepHead


class AttentionPooling(StepHead):
    """A linear classifier of the weighted mean of a row's steps, whose weights a small network gives each step.

    Steps are treated alike wherever they stand, so their order does not matter. With one step it is a linear
    classifier. The settings are those of ``heads/_step_head.py``.

    Source: Ilse, Tomczak and Welling, Attention-based deep multiple instance learning, ICML 2018.
    """

    name: ClassVar[str] = "attention_pooling"
    cost_rank: ClassVar[int] = 13

    def attention(self, X: Any) -> NDArray[np.float64]:
        """(n, n_steps) what each step of each row counts; rows sum to 1."""
        X = self._rows(X)
        return np.concatenate([self._network().attention(self.network_, steps) for steps in self._steps(X)])

    def _network(self) -> AttentionNetwork:
        return AttentionNetwork(self.n_hidden)
