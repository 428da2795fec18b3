"""Tokens of a text that are hidden, each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from headstart.errors import InputError
from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared
from headstart.training.augmentation._hidden_tokens import hide_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@final
class TokenDropout(Augmentation):
    """Each token is replaced by the mask token (where there is none, the unknown one) with probability ``share``.

    Args:
        share: 0..1, below 1.

    Source: Iyyer et al., Deep unordered composition rivals syntactic methods, ACL 2015 (word dropout).
    """

    name: ClassVar[str] = "token_dropout"
    kinds: ClassVar[frozenset[str]] = frozenset({"tokens"})

    def __init__(self, *, share: float = 0.1) -> None:
        if not 0 <= share < 1:
            raise InputError(f"token_dropout needs share in 0..1, below 1, got {share!r}. Correct it.")
        self.share = share

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """Ids and mask."""
        return hide_tokens(inputs, draws, prepared, self._chosen)

    def _chosen(self, n: int, draw: np.random.Generator) -> NDArray[np.bool_]:
        return draw.random(n) < self.share
