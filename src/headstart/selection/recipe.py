"""Which features a contender stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

from headstart.strategies.raw_head import RAW_STRATEGIES
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput, WaveInput

RANDOM = "@random"
FUSION_HEADS = (
    "late_fusion", "gated_fusion",
    "late_fusion_regression", "gated_fusion_regression",
    "late_fusion_labels", "gated_fusion_labels",
    "late_fusion_anomaly",
)  # fmt: skip
"""Heads that keep the parts of mixed examples apart; a task takes its own."""
IN_ORDER_HEADS = ("attention_pooling", "temporal")
"""Heads that look at the steps of features in order of time one by one."""
STATES_A_SECOND = 50
"""Of most backbones that read samples of sound."""


@dataclass(frozen=True)
class Recipe:
    """Backbones whose features stand side by side.

    Args:
        backbones: their names, in order.
        kind: "transfer", or "baseline" for what knows nothing from elsewhere.
        label: what people read; default: the backbones' names.
        heads: the only ones that suit these features, or None for those that the run tries.
        strategy: what is trained on raw examples instead of a head on features, or "".
        settings: of the strategy: names and values.
    """

    backbones: tuple[str, ...]
    kind: str = "transfer"
    label: str = ""
    heads: tuple[str, ...] | None = None
    strategy: str = ""
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """What people read.

        >>> Recipe(("efficientnet_lite0", "efficientnet_lite2")).name
        'efficientnet_lite0 + efficientnet_lite2'
        """
        return self.label or " + ".join(self.backbones)

    def within(self, seconds: float) -> Recipe:
        """The same strategy with that much time for a fit, where it can keep to one."""
        if "max_seconds" not in signature(RAW_STRATEGIES.class_of(self.strategy)).parameters:
            return self
        return replace(self, settings=(*self.settings, ("max_seconds", seconds)))

    @property
    def is_in_order(self) -> bool:
        """True where the heads look at steps in order of time."""
        return self.heads is not None and set(self.heads) <= set(IN_ORDER_HEADS)

    def untrained(self) -> Recipe:
        """The same architectures with random weights: what the pretraining is measured against."""
        return replace(self, backbones=tuple(name + RANDOM for name in self.backbones), kind="baseline")


def default_recipes(
    cards: Sequence[BackboneCard], *, combined: bool = True, heads: Sequence[str] | None = None
) -> tuple[Recipe, ...]:
    """Each backbone by itself, the cheapest first, then all of them together.

    Features of several steps in order of time stand at the end, a recipe for each head that is made for them.

    Args:
        cards: pretrained backbones that are ready.
        combined: whether all of them together are tried too, where there are several.
        heads: the only heads that are wanted, or None; where none of them looks at steps, steps stand side by side.
    """
    by_step = [head for head in IN_ORDER_HEADS if heads is None or head in heads]
    cheapest_first = sorted(cards, key=_cost)
    plain = [card.name for card in cheapest_first if card.steps == 1]
    stepped = [card.name for card in cheapest_first if card.steps > 1]
    recipes = [Recipe((name,)) for name in plain]
    if len(plain) > 1 and combined:
        recipes.append(Recipe(tuple(plain)))
    in_order = [Recipe((name,), heads=(head,)) for name in stepped for head in by_step]
    return (*recipes, *in_order) if recipes or in_order else tuple(Recipe((name,)) for name in stepped)


def fused_recipes(backbones: Sequence[str], *, kind: str = "transfer") -> tuple[Recipe, ...]:
    """Several parts of mixed examples together: their features side by side, and their predictors weighed.

    Args:
        backbones: one for each part.
        kind: "transfer" or "baseline".
    """
    if len(backbones) < 2:
        return ()
    side_by_side = Recipe(tuple(backbones), kind)
    return (side_by_side, replace(side_by_side, label=f"{side_by_side.name} fused", heads=FUSION_HEADS))


def _cost(card: BackboneCard) -> tuple[float, str]:
    """Rough work of one example: weights times places they are applied to; next to nothing for classic features."""
    n_places = 0
    if isinstance(card.input, ImageInput):
        n_places = card.input.height * card.input.width
    elif isinstance(card.input, VideoInput):
        n_places = card.input.n_frames * card.input.image.height * card.input.image.width
    elif isinstance(card.input, TextInput):
        n_places = card.input.max_tokens
    elif isinstance(card.input, AudioInput):
        n_places = int(card.input.max_seconds * card.input.rate / card.input.hop)
    elif isinstance(card.input, WaveInput):
        n_places = card.input.window_samples * STATES_A_SECOND // card.input.rate
    return (float(card.parameters or 0) * n_places, card.name)
