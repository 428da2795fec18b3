"""Which strategies on raw examples are tried beside frozen features."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.backbones.registry import get_card, is_ready, open_backbone
from headstart.selection.recipe import Recipe
from headstart.selection.tournament import Contender, strongest

FEWEST_SECONDS = 10.0
"""A fit that may not take this long is not begun."""

TUNED = {"text": ("fine_tune", "text_lstm"), "image": ("fine_tune",), "audio": ("fine_tune",), "table": ()}
"""Modality -> strategies that begin with what was learnt elsewhere."""
SCRATCH = {"text": ("text_lstm",), "table": ("table_transfer",)}
"""Modality -> strategies that begin with nothing."""
WORD_VECTORS = "glove_50d"


def tuned_recipes(
    modality: str,
    frozen: Sequence[Contender],
    wanted: tuple[str, ...] | None,
    *,
    has_budget: bool,
    augmentation: str | None = None,
) -> tuple[Recipe, ...]:
    """What moves weights that were learnt elsewhere.

    Args:
        modality: the kind of example.
        frozen: contenders on frozen features; the best one's backbone is tuned.
        wanted: the strategies that the user named, or None.
        has_budget: without a budget nothing is trained that was not named.
        augmentation: of the examples in fine-tuning.
    """
    names = [name for name in TUNED.get(modality, ()) if _is_wanted(name, wanted, has_budget=has_budget)]
    found = []
    for name in names:
        if name == "text_lstm" and is_ready(get_card(WORD_VECTORS)):
            settings = (("embedding", WORD_VECTORS),)
            found.append(Recipe((), label=f"text_lstm on {WORD_VECTORS}", strategy=name, settings=settings))
        backbone = _best_backbone(frozen) if name == "fine_tune" else ""
        if backbone:
            more = () if augmentation is None else (("augmentation", augmentation),)
            settings = (("backbone", backbone), *more)
            found.append(Recipe((), label=f"fine_tune of {backbone}", strategy=name, settings=settings))
    return tuple(found)


def scratch_recipes(modality: str, wanted: tuple[str, ...] | None, *, has_budget: bool) -> tuple[Recipe, ...]:
    """Networks that begin with random weights: what transfer is measured against; arguments as above."""
    names = [name for name in SCRATCH.get(modality, ()) if _is_wanted(name, wanted, has_budget=has_budget)]
    return tuple(Recipe((), "baseline", f"{name} from scratch", strategy=name) for name in names)


def _is_wanted(name: str, wanted: tuple[str, ...] | None, *, has_budget: bool) -> bool:
    return has_budget if wanted is None else name in wanted


def _best_backbone(frozen: Sequence[Contender]) -> str:
    """The backbone of the best contender that has one which can be tuned; "" where there is none."""
    able = [c for c in frozen if len(c.recipe.backbones) == 1 and not open_backbone(c.recipe.backbones[0]).is_classic]
    return strongest(able).recipe.backbones[0] if able else ""
