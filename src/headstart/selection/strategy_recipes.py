"""Which strategies on raw examples are tried beside frozen features."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.backbones.registry import get_card, is_ready, open_backbone
from headstart.selection.recipe import Recipe
from headstart.selection.tournament import Contender, strongest

FEWEST_SECONDS = 10.0
"""A fit that may not take this long is not begun."""

TUNED = {
    "text": ("fine_tune", "head2toe", "text_lstm"),
    "image": ("fine_tune", "head2toe"),
    "audio": ("fine_tune", "head2toe"),
}
"""Modality -> strategies that begin with what was learnt elsewhere."""
NETWORKS = {"image": "two_convolutions", "audio": "sound_convolutions"}
"""Modality -> the network that ``fine_tune`` trains from scratch, to measure moved pretrained weights against."""
SCRATCH = {"text": ("text_lstm",), "table": ("table_transfer",), "image": ("fine_tune",), "audio": ("fine_tune",)}
"""Modality -> strategies that begin with nothing."""
BY_NAME = ("head2toe",)
"""Strategies that are tried only where they are named."""
WORD_VECTORS = "glove_50d"


def suitable(modality: str) -> tuple[str, ...]:
    """Strategies on raw examples of a kind.

    >>> suitable("table")
    ('table_transfer',)
    """
    return tuple(dict.fromkeys((*TUNED.get(modality, ()), *SCRATCH.get(modality, ()))))


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
        backbone = _best_backbone(frozen)
        if name != "text_lstm" and backbone:
            is_augmented = name == "fine_tune" and augmentation is not None
            settings = (("backbone", backbone), *((("augmentation", augmentation),) if is_augmented else ()))
            found.append(Recipe((), label=f"{name} of {backbone}", strategy=name, settings=settings))
    return tuple(found)


def scratch_recipes(modality: str, wanted: tuple[str, ...] | None, *, has_budget: bool) -> tuple[Recipe, ...]:
    """Networks that begin with random weights: what transfer is measured against; arguments as above."""
    names = [name for name in SCRATCH.get(modality, ()) if _is_wanted(name, wanted, has_budget=has_budget)]
    found = []
    for name in names:
        is_network = name == "fine_tune"
        settings = (("backbone", NETWORKS[modality]),) if is_network else ()
        label = f"{NETWORKS[modality] if is_network else name} from scratch"
        found.append(Recipe((), "baseline", label, strategy=name, settings=settings))
    return tuple(found)


def _is_wanted(name: str, wanted: tuple[str, ...] | None, *, has_budget: bool) -> bool:
    return has_budget and name not in BY_NAME if wanted is None else name in wanted


def _best_backbone(frozen: Sequence[Contender]) -> str:
    """The backbone of the best contender that has one which can be tuned; "" where there is none."""
    able = [c for c in frozen if len(c.recipe.backbones) == 1 and not open_backbone(c.recipe.backbones[0]).is_classic]
    return strongest(able).recipe.backbones[0] if able else ""
