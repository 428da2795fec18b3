"""Which recipes are tried in which order, as long as there is time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from headstart.backbones.registry import get_card, is_ready, list_cards, open_backbone, readiness
from headstart.deadline import Deadline
from headstart.errors import DeadlineExceededError, InputError
from headstart.features.library import FeatureLibrary
from headstart.heads.registry import head_class
from headstart.heads.registry import names as head_names
from headstart.run.budget import RESERVED_SHARE, Budget
from headstart.run.languages import multilingual_cards
from headstart.run.prepared import Prepared
from headstart.run.run_folder import RunFolder
from headstart.run.settings import FitSettings
from headstart.selection.recipe import Recipe, default_recipes, fused_recipes
from headstart.selection.source_recipes import HEADS, source_recipes
from headstart.selection.strategy_recipes import FEWEST_SECONDS, scratch_recipes, tuned_recipes
from headstart.selection.tournament import Contender, Field, best_of, contend
from headstart.strategies.raw_head import RAW_STRATEGIES
from headstart.tasks.registry import get_task
from headstart.types import BackboneCard, Progress

OWN_LINES = ("boosting", "boosting_regression", "lightgbm", "lightgbm_regression", "last_value", "seasonal_naive")
"""Heads that people measure others by."""
TRAINING_SHARE = 0.6
"""Of the time before the reserve, for what is trained on raw examples."""

Stage = Callable[[str, Callable[[], Any]], Any]
"""(name, work) -> the result of the work, whose seconds are booked under the name."""


@dataclass(frozen=True, eq=False)
class Contest:
    """Tries recipes on a field.

    Args:
        data: the rows.
        field: what all are judged on.
        settings: what the user asked.
        folder: where choices that hang on time are written down.
        budget: the time.
        stage: books the seconds.
        save_first: told of a usable model, early.
        progress: told of long work.
    """

    data: Prepared
    field: Field
    settings: FitSettings
    folder: RunFolder
    budget: Budget
    stage: Stage
    save_first: Callable[[Contender], None]
    progress: Progress

    @property
    def library(self) -> FeatureLibrary:
        """The features."""
        return self.field.library

    def contenders(self) -> list[Contender]:
        """What knows something from elsewhere, the cheapest first; the best so far is always on disk."""
        found: list[Contender] = []
        for recipe in self._suitable(self._recipes()):
            if found and not self._is_to_be_tried(recipe, found):
                continue
            self._encode(recipe)
            first = None if found else self._first(recipe)
            try:
                deadline = self.budget.keeping(RESERVED_SHARE) if found else self.budget.deadline
                found.append(self._contend(recipe, deadline))
            except DeadlineExceededError:
                if first is None:
                    raise
                found.append(first)  # encoding took all the time: this one is there
            if len(found) == 1:
                self.save_first(found[0])
        if self.data.dataset.modality == "mixed" and found:
            found += self._fused(found)
        found += self._from_source(found)
        return found + self._trained(self._tuned(found))

    def _first(self, recipe: Recipe) -> Contender | None:
        """A quick model that is on disk while others are tried; None where there is no wait to shorten."""
        if self.settings.heads is not None or not self._was_computed(recipe):
            return None
        quick = replace(self.field, heads=get_task(self.field.task).baseline_heads)
        found: Contender = self.stage("first model", partial(contend, quick, recipe))
        self.save_first(found)
        return found

    def baselines(self, contenders: Sequence[Contender]) -> list[Contender]:
        """The majority, cheap classics, the best frozen backbone with random weights, networks from scratch."""
        task = get_task(self.field.task)
        classics = [task.classic_backbones[part] for part in self._parts()]
        tried = [Recipe((classics[0],), "baseline", task.dummy_head, heads=(task.dummy_head,))]
        for part, name in zip(self._parts(), classics, strict=True):
            heads = task.classic_heads.get(part, task.baseline_heads)
            tried += [Recipe((name,), "baseline", heads=tuple(group)) for group in _groups_of(heads)]
        dense = [name for name in classics if not open_backbone(name).is_sparse]
        tried += self._suitable(fused_recipes(dense, kind="baseline"))
        frozen = [contender for contender in contenders if not contender.recipe.strategy]
        best = best_of(frozen) if frozen else None
        if (
            best is not None
            and self._has_untrained_twin(best.recipe)
            and self.folder.decide(
                "try:untrained", lambda: self.budget.deadline.allows(2.0 * (best.encode_seconds + 1.0))
            )
        ):
            own = best.recipe.heads if best.recipe.is_in_order else task.baseline_heads
            tried.append(replace(best.recipe.untrained(), heads=own))
        baselines: list[Contender] = []
        for recipe in tried:
            self._encode(recipe)
            baselines.append(self.stage("baselines", partial(contend, self.field, recipe)))
        return baselines + self._trained(
            scratch_recipes(self._modality, self.settings.strategies, has_budget=self.budget.seconds is not None)
        )

    def _from_source(self, frozen: Sequence[Contender]) -> list[Contender]:
        """Strategies that learn from another domain too, on the features that are best for the target alone."""
        if self.field.elsewhere is None:
            return []
        able = [contender for contender in frozen if contender.recipe.heads is None]
        base = best_of(able) if able else self._contend(self._plain(), self.budget.deadline)
        named = [name for name in self.settings.strategies or () if name not in RAW_STRATEGIES.names()]
        found = []
        for recipe in source_recipes(base, self.field.task, named or None):
            if self._is_to_be_tried(recipe, [base]):
                found.append(self._contend(recipe, self.budget.keeping(RESERVED_SHARE)))
        return found

    def _plain(self) -> Recipe:
        """The classic features of the kind, for where there is nothing better."""
        name = get_task(self.field.task).classic_backbones[self._parts()[0]]
        recipe = Recipe((name,), "baseline", heads=(HEADS[self.field.task],))
        self._encode(recipe)
        return recipe

    def _tuned(self, frozen: Sequence[Contender]) -> Sequence[Recipe]:
        has_budget = self.budget.seconds is not None
        wanted, augmentation = self.settings.strategies, self.settings.augmentation
        return tuned_recipes(self._modality, frozen, wanted, has_budget=has_budget, augmentation=augmentation)

    @property
    def _modality(self) -> str:
        return self.data.dataset.modality

    def _trained(self, recipes: Sequence[Recipe]) -> list[Contender]:
        """What is trained on raw examples: where it was asked for, or within a slice of the budget for each fit.

        Without enough rows for a test part there is none: training anew inside every fold of every repeat is too much.
        """
        found: list[Contender] = []
        if self.field.task != "classification":
            return found
        if not len(self.data.parts.test):
            if set(self.settings.strategies or ()) & set(RAW_STRATEGIES.names()):
                n = len(self.field.y)
                raise InputError(
                    f"fit needs rows enough for a test part to train {recipes[0].strategy if recipes else 'so'!r}, got "
                    f"{n} labelled rows or groups. Leave strategies out, or add rows."
                )
            return found
        for place, recipe in enumerate(recipes):
            seconds = self.folder.decide(f"seconds:{recipe.name}", partial(self._slice, len(recipes) - place))
            if seconds is not None and seconds < FEWEST_SECONDS:
                continue
            limited = recipe if seconds is None else recipe.within(seconds)
            found.append(self.stage(f"training {recipe.name}", partial(contend, self.field, limited)))
        return found

    def _slice(self, n_recipes: int) -> float | None:
        """Seconds for one fit: every fold is one, and the last on all rows."""
        if self.budget.seconds is None:
            return None
        left = self.budget.keeping(RESERVED_SHARE).left_seconds
        return TRAINING_SHARE * left / (n_recipes * (len(self.field.folds) + 1))

    def _fused(self, contenders: list[Contender]) -> list[Contender]:
        """All parts together, each by what did best on it alone: features side by side, and predictors weighed."""
        best: dict[str, tuple[float, str]] = {}
        for contender in contenders:
            for name in contender.recipe.backbones:
                if get_card(name).steps > 1:  # fused predictors do not look at steps
                    continue
                part = get_card(name).modality
                best[part] = max(best.get(part, (-np.inf, "")), (contender.score, name))
        names = [self._best_of_part(part, best) for part in self._parts()]
        if len(names) < 2:
            return []
        found = []
        for recipe in self._suitable(fused_recipes(names)):
            if self._is_to_be_tried(recipe, contenders):
                self._encode(recipe)
                found.append(self._contend(recipe, self.budget.keeping(RESERVED_SHARE)))
        return found

    def _best_of_part(self, part: str, best: dict[str, tuple[float, str]]) -> str:
        return best[part][1] if part in best else get_task(self.field.task).classic_backbones[part]

    def _parts(self) -> tuple[str, ...]:
        """The kinds of example that a row is made of."""
        dataset = self.data.dataset
        return tuple(sorted(dataset.inputs[0])) if dataset.modality == "mixed" else (dataset.modality,)

    def _was_computed(self, recipe: Recipe) -> bool:
        """False where all features came from the cache: then there is no wait to shorten."""
        return any(self.library.encoded(name).n_computed for name in recipe.backbones)

    def _is_to_be_tried(self, recipe: Recipe, contenders: list[Contender]) -> bool:
        """Decided by the clock once, and replayed by a later attempt."""
        name = f"{recipe.name} {recipe.strategy}" if recipe.strategy else recipe.name
        return bool(self.folder.decide(f"try:{name}", lambda: self._is_affordable(recipe, contenders)))

    def _contend(self, recipe: Recipe, deadline: Deadline) -> Contender:
        limit = None if self.budget.seconds is None else deadline
        work = partial(contend, self.field, recipe, deadline=limit, progress=self.progress)
        contender: Contender = self.stage("heads", work)
        return contender

    def _recipes(self) -> tuple[Recipe, ...]:
        if self.settings.backbones is not None:
            cards = [get_card(name) for name in self.settings.backbones]
            for card in cards:
                if readiness(card):
                    raise InputError(f"fit needs backbone {card.name!r} ready, got {readiness(card)}")
        else:
            known = [card for part in self._parts() for card in list_cards(part)]
            known += multilingual_cards(self.data.dataset)
            cards = [card for card in known if _is_pretrained(card) and is_ready(card)]
            if not known or all(not _is_pretrained(card) for card in known):
                return ()
        if self.settings.commercial:
            cards = [card for card in cards if card.commercial]
        if not cards:
            raise InputError("fit needs a backbone that is ready, got none. Run: headstart backbones list --ready")
        heads = self.settings.heads or head_names(self.field.task)
        if self._modality == "mixed":
            return default_recipes(cards, combined=False, heads=heads)
        has_time_to_combine = self.settings.backbones is not None or self.budget.seconds is not None
        return default_recipes(cards, combined=has_time_to_combine, heads=heads)

    def _encode(self, recipe: Recipe) -> None:
        """Features of all rows; the runtime is chosen once, written down, and replayed by a later attempt."""
        for name in recipe.backbones:
            self.stage(f"encoding with {name}", partial(self.library.encoded, name))

    def _is_affordable(self, recipe: Recipe, contenders: list[Contender]) -> bool:
        """Whether encoding and fitting a further recipe leaves the reserve; always without a budget."""
        if self.budget.seconds is None:
            return True
        slowest = max(contender.encode_seconds for contender in contenders)
        new = [name for name in recipe.backbones if name not in self.library.seconds]
        expected = 2.0 * slowest * len(new) + 2.0 * max(contender.fit_seconds for contender in contenders)
        return self.budget.keeping(RESERVED_SHARE).allows(expected)

    def _suitable(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        """Those without heads of their own, and those that have some for this task, with these alone."""
        known = set(head_names(self.field.task))
        own = [replace(r, heads=None if r.heads is None else tuple(h for h in r.heads if h in known)) for r in recipes]
        return [recipe for recipe in own if recipe.heads is None or recipe.heads]

    def _has_untrained_twin(self, recipe: Recipe) -> bool:
        """False for word vectors and the like, which have no architecture to speak of."""
        return not any(open_backbone(name).is_classic for name in recipe.backbones)


def _groups_of(heads: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Heads that compete within one line of the leaderboard; those that are the usual measure get their own."""
    ready = [name for name in heads if not head_class(name).missing()]
    rest = tuple(name for name in ready if name not in OWN_LINES)
    return [group for group in (rest, *((name,) for name in ready if name in OWN_LINES)) if group]


def _is_pretrained(card: BackboneCard) -> bool:
    """True for what knows something from elsewhere: classic features of word vectors do, histograms do not."""
    return card.pretraining != "none"
