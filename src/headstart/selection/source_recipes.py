"""Which strategies are tried where there are labelled rows of another domain."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.selection.recipe import Recipe
from headstart.selection.source_model import POOLED, SOURCE_ONLY
from headstart.selection.tournament import Contender

STRATEGIES = {
    "classification": (
        SOURCE_ONLY,
        POOLED,
        "standardise",
        "coral",
        "feature_augmentation",
        "pred",
        "balanced",
        "kmm",
        "tradaboost",
    ),
    "regression": (SOURCE_ONLY, POOLED, "standardise", "coral", "feature_augmentation", "kmm"),
}
"""Task -> what is tried, the simplest first."""
HEADS = {"classification": "logistic", "regression": "ridge_regression"}
"""Task -> the head that strategies wrap."""


def source_recipes(base: Contender, task: str, wanted: Sequence[str] | None = None) -> tuple[Recipe, ...]:
    """Strategies on the features of the best model of the target alone, around a head with its penalty.

    Args:
        base: that model.
        task: what is asked; others than :data:`STRATEGIES` names have none.
        wanted: names of strategies, or None for the usual.
    """
    names = STRATEGIES.get(task, ()) if wanted is None else (SOURCE_ONLY, POOLED, *wanted)
    settings = tuple(sorted(_settings(base, task).items()))
    return tuple(
        Recipe(base.recipe.backbones, strategy=name, settings=(("head", HEADS[task]), *settings)) for name in names
    )


def _settings(base: Contender, task: str) -> dict[str, object]:
    """Those of the head where it was tried for the base; its own choice is too slow to repeat for each strategy."""
    tried = [c for c in base.choice.candidates if c.head == HEADS[task] and not c.skipped]
    return dict(max(tried, key=lambda c: c.mean).settings) if tried else {}
