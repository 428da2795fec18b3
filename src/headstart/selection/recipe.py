"""Which features a contender stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headstart.types import BackboneCard

RANDOM = "@random"


@dataclass(frozen=True)
class Recipe:
    """Backbones whose features stand side by side.

    Args:
        backbones: their names, in order.
        kind: "transfer", or "baseline" for what knows nothing from elsewhere.
        label: what people read; default: the backbones' names.
    """

    backbones: tuple[str, ...]
    kind: str = "transfer"
    label: str = ""

    @property
    def name(self) -> str:
        """What people read.

        >>> Recipe(("efficientnet_lite0", "efficientnet_lite2")).name
        'efficientnet_lite0 + efficientnet_lite2'
        """
        return self.label or " + ".join(self.backbones)

    def untrained(self) -> Recipe:
        """The same architectures with random weights: what the pretraining is measured against."""
        return replace(self, backbones=tuple(name + RANDOM for name in self.backbones), kind="baseline")


def default_recipes(cards: Sequence[BackboneCard], *, combined: bool = True) -> tuple[Recipe, ...]:
    """Each backbone by itself, the cheapest first, then all of them together.

    Args:
        cards: backbones that are ready and take pixels.
        combined: whether all of them together are tried too, where there are several.
    """
    cheapest_first = sorted(cards, key=_cost)
    singles = tuple(Recipe((card.name,)) for card in cheapest_first)
    if len(singles) < 2 or not combined:
        return singles
    return (*singles, Recipe(tuple(card.name for card in cheapest_first)))


def _cost(card: BackboneCard) -> tuple[float, str]:
    """Rough work of one example: weights times pixels."""
    pixels = card.input.height * card.input.width if card.input else 0
    return (float(card.parameters or 0) * pixels, card.name)
