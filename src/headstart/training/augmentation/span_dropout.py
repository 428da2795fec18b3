"""Tokens of a text that are hidden, neighbours together."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared
from headstart.training.augmentation._hidden_tokens import hide_tokens

STOP = 0.2
"""Probability with which a span ends after a token."""
LONGEST = 10


@final
class SpanDropout(Augmentation):
    """Spans of geometric length, at random places, until ``share`` of the tokens are hidden, rounded up or down.

    Args:
        share: 0..1, below 1.

    Source: Joshi et al., SpanBERT, TACL 2020.
    """

    name: ClassVar[str] = "span_dropout"
    kinds: ClassVar[frozenset[str]] = frozenset({"tokens"})

    def __init__(self, *, share: float = 0.15) -> None:
        if not 0 <= share < 1:
            raise InputError(f"span_dropout needs share in 0..1, below 1, got {share!r}. Correct it.")
        self.share = share

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """Ids and mask."""
        return hide_tokens(inputs, draws, prepared, self._chosen)

    def _chosen(self, n: int, draw: np.random.Generator) -> NDArray[np.bool_]:
        is_hidden = np.zeros(n, dtype=bool)
        wanted = int(self.share * n + draw.random())  # right on average
        while (left := wanted - int(is_hidden.sum())) > 0:
            length = min(int(draw.geometric(STOP)), LONGEST, left)
            start = int(draw.integers(n - length + 1))
            is_hidden[start : start + length] = True
        return is_hidden
