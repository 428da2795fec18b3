"""From audited data to a proven, saved and reported model, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from headstart.backbones.registry import get_card, is_ready, list_cards, open_backbone, readiness
from headstart.bundle.save import BundledEncoder, save_bundle
from headstart.data.audit import Audit
from headstart.data.read import ReadResult
from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.evaluation.calibrations import Calibration, calibration
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.learning_curve import LabelsSaved, LearningCurve, labels_saved, learning_curve
from headstart.features.library import FeatureLibrary
from headstart.features.settings import EncoderSettings
from headstart.heads.registry import head_class
from headstart.heads.registry import names as head_names
from headstart.run.judgement import Judged, Sides, judge_by_repeats, judge_on_test
from headstart.run.languages import multilingual_cards
from headstart.run.model_facts import model_facts
from headstart.run.prepared import Prepared, prepare, units
from headstart.run.run_folder import RunFolder
from headstart.run.settings import FitSettings
from headstart.selection.leaderboard import Leaderboard, LeaderboardRow
from headstart.selection.recipe import Recipe, default_recipes, fused_recipes
from headstart.selection.tournament import Contender, Field, best_of, contend, strongest
from headstart.selection.verdict import choose_hand_over
from headstart.tasks.registry import get_task
from headstart.types import BackboneCard, Progress

if TYPE_CHECKING:
    from headstart.run.fit import Run

T = TypeVar("T")

RESERVED_SHARE = 0.35
"""Of a budget, kept for baselines, judging and the report."""
OWN_LINES = ("boosting", "boosting_regression", "lightgbm", "lightgbm_regression", "last_value", "seasonal_naive")
"""Heads that people measure others by."""
CURVE_FOLDS = 3
"""Folds of a learning curve."""
CV_RULE = "honest: out of fold; the best of several choices, so a little optimistic"


@dataclass
class Route:
    """One run on its way.

    Args:
        found: the data as read.
        audited: what the audit saw.
        settings: what the user asked.
        folder: where results go.
        cache: of features.
        started: :func:`time.monotonic` at the beginning.
        progress: told of long work.
    """

    found: ReadResult
    audited: Audit
    settings: FitSettings
    folder: RunFolder
    cache: bool | str | Path
    started: float
    progress: Progress
    stages: dict[str, float] = field(default_factory=dict)
    _on_disk: tuple[str, dict[str, Any], dict[str, Any]] | None = None

    def run(self) -> Run:
        """The story: features, contenders, baselines, a choice, one look at the test part, a report."""
        from headstart.run.account import finish

        self.task = get_task(self.found.dataset.task)
        self.deadline = self._deadline()
        self.data: Prepared = self._stage("split", lambda: prepare(self.found, self.audited, self.settings))
        self.library = FeatureLibrary(
            self.data.dataset,
            self.data.digests,
            learn_rows=self.data.parts.train,
            precision=self.settings.precision,
            cache=self.cache,
            decide=self.folder.decide,
            progress=self.progress,
        )
        self.field = self._field()
        self.contenders = self._contenders()
        best = best_of(self.contenders) if self.contenders else None
        self.baselines = self._stage("baselines", lambda: self._baselines(best))
        self.untransferred = strongest(self.baselines)
        self.winner = best or self.untransferred
        side = self._side()
        self.handed_over = self.winner if side == "transfer" else self.untransferred
        self.calibration = self._calibrated(self.handed_over)
        self.curves = self._stage("learning curves", self._curves)
        self.saved: LabelsSaved = labels_saved(*self.curves)
        self.judged: Judged = self._stage("judging", lambda: self._judged(side))
        self._stage("saving", lambda: self._save(self.handed_over, self.calibration))
        return finish(self)

    def _side(self) -> str:
        """What is handed over, before the test part is read."""
        if self.winner is self.untransferred:
            return "untransferred"
        return choose_hand_over(
            self.field.metric,
            self.field.y,
            self.winner.predicted,
            self.untransferred.predicted,
            groups=units(self.data.train_groups),
        )

    def seconds(self) -> float:
        """Seconds so far, over all attempts."""
        return time.monotonic() - self.started + self.folder.seconds_before

    def leaderboard(self) -> Leaderboard:
        """Every contender and baseline."""
        groups = units(self.data.train_groups)
        rows = []
        for contender in (*self.contenders, *self.baselines):
            cv = bootstrap(self.field.metric, self.field.y, contender.predicted, groups=groups, rule=CV_RULE)
            rows.append(
                LeaderboardRow(
                    name=contender.name,
                    kind=contender.recipe.kind,
                    backbone=contender.recipe.name,
                    head=contender.choice.winner.head,
                    settings=contender.choice.winner.settings,
                    cv=cv,
                    test=self.judged.scores.get(contender.name),
                    encode_seconds=contender.encode_seconds,
                    fit_seconds=contender.fit_seconds,
                    peak_bytes=contender.peak_bytes,
                    is_handed_over=contender is self.handed_over,
                )
            )
        return Leaderboard(self.field.metric, tuple(rows))

    def _deadline(self) -> Deadline:
        if self.settings.budget_seconds is None:
            return Deadline()
        return Deadline.after(max(0.0, self.settings.budget_seconds - self.seconds()))

    def _stage(self, name: str, work: Callable[[], T]) -> T:
        """Time a stage, and add its seconds to what a later attempt knows."""
        begin = time.monotonic()
        result = work()
        seconds = time.monotonic() - begin
        self.stages[name] = self.stages.get(name, 0.0) + seconds
        self.folder.spend(name, seconds)
        return result

    def _field(self) -> Field:
        return Field(
            library=self.library,
            rows=self.data.parts.train,
            y=self.data.train_y,
            classes=self.data.dataset.classes,
            folds=self.data.folds,
            groups=self.data.train_groups,
            metric=self.settings.metric or self.task.metric,
            heads=self.settings.heads,
            random_state=self.settings.random_state,
            task=self.task.name,
        )

    def _contenders(self) -> list[Contender]:
        """Try the recipes, the cheapest first; the best so far is always on disk."""
        contenders: list[Contender] = []
        for recipe in self._recipes():
            if contenders and not self._is_to_be_tried(recipe, contenders):
                continue
            self._encode(recipe)
            if not contenders and self.settings.heads is None and self._was_computed(recipe):
                quick = replace(self.field, heads=self.task.baseline_heads)
                self._save_first(self._stage("first model", partial(contend, quick, recipe)))
            contenders.append(self._contend(recipe, self._until_reserve() if contenders else self.deadline))
            if len(contenders) == 1:
                self._save_first(contenders[0])
        if self.data.dataset.modality == "mixed" and len(contenders) > 0:
            contenders += self._fused(contenders)
        return contenders

    def _fused(self, contenders: list[Contender]) -> list[Contender]:
        """All parts together, each by what did best on it alone: features side by side, and predictors weighed."""
        best: dict[str, tuple[float, str]] = {}
        for contender in contenders:
            for name in contender.recipe.backbones:
                part = get_card(name).modality
                best[part] = max(best.get(part, (-np.inf, "")), (contender.score, name))
        names = [self._best_of_part(part, best) for part in self._parts()]
        if len(names) < 2:
            return []
        found = []
        for recipe in self._suitable(fused_recipes(names)):
            if self._is_to_be_tried(recipe, contenders):
                self._encode(recipe)
                found.append(self._contend(recipe, self._until_reserve()))
        return found

    def _best_of_part(self, part: str, best: dict[str, tuple[float, str]]) -> str:
        return best[part][1] if part in best else self.task.classic_backbones[part]

    def _parts(self) -> tuple[str, ...]:
        """The kinds of example that a row is made of."""
        dataset = self.data.dataset
        return tuple(sorted(dataset.inputs[0])) if dataset.modality == "mixed" else (dataset.modality,)

    def _was_computed(self, recipe: Recipe) -> bool:
        """False where all features came from the cache: then there is no wait to shorten."""
        return any(self.library.encoded(name).n_computed for name in recipe.backbones)

    def _is_to_be_tried(self, recipe: Recipe, contenders: list[Contender]) -> bool:
        """Decided by the clock once, and replayed by a later attempt."""
        return bool(self.folder.decide(f"try:{recipe.name}", lambda: self._is_affordable(recipe, contenders)))

    def _contend(self, recipe: Recipe, deadline: Deadline) -> Contender:
        limit = None if self.settings.budget_seconds is None else deadline
        return self._stage("heads", lambda: contend(self.field, recipe, deadline=limit, progress=self.progress))

    def _save_first(self, contender: Contender) -> None:
        """A usable model, early."""
        self._stage("saving", lambda: self._save(contender, self._calibrated(contender)))

    def _calibrated(self, contender: Contender) -> Calibration:
        """What makes the contender's outputs honest, from its out-of-fold predictions."""
        made = calibration(self.task.calibration)
        made.fit(self.field.y, contender.predicted)
        return made

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
        if self.data.dataset.modality == "mixed":
            return default_recipes(cards, combined=False)
        has_time_to_combine = self.settings.backbones is not None or self.settings.budget_seconds is not None
        return default_recipes(cards, combined=has_time_to_combine)

    def _encode(self, recipe: Recipe) -> None:
        """Features of all rows; the runtime is chosen once, written down, and replayed by a later attempt."""
        for name in recipe.backbones:
            self._stage(f"encoding with {name}", partial(self.library.encoded, name))

    def _until_reserve(self) -> Deadline:
        if self.settings.budget_seconds is None:
            return self.deadline
        return Deadline.after(max(0.0, self.deadline.left_seconds - RESERVED_SHARE * self.settings.budget_seconds))

    def _is_affordable(self, recipe: Recipe, contenders: list[Contender]) -> bool:
        """Whether encoding and fitting a further recipe leaves the reserve; always without a budget."""
        if self.settings.budget_seconds is None:
            return True
        slowest = max(contender.encode_seconds for contender in contenders)
        new = [name for name in recipe.backbones if name not in self.library.seconds]
        expected = 2.0 * slowest * len(new) + 2.0 * max(contender.fit_seconds for contender in contenders)
        return self._until_reserve().allows(expected)

    def _baselines(self, best: Contender | None) -> list[Contender]:
        """The majority, cheap classics, and the best one's architecture without what it learnt elsewhere."""
        classics = [self.task.classic_backbones[part] for part in self._parts()]
        dummy = self.task.dummy_head
        tried = [Recipe((classics[0],), "baseline", dummy, heads=(dummy,))]
        for part, name in zip(self._parts(), classics, strict=True):
            heads = self.task.classic_heads.get(part, self.task.baseline_heads)
            tried += [Recipe((name,), "baseline", heads=tuple(group)) for group in _groups_of(heads)]
        dense = [name for name in classics if not open_backbone(name).is_sparse]
        tried += self._suitable(fused_recipes(dense, kind="baseline"))
        if (
            best is not None
            and self._has_untrained_twin(best.recipe)
            and self.folder.decide("try:untrained", lambda: self.deadline.allows(2.0 * (best.encode_seconds + 1.0)))
        ):
            tried.append(replace(best.recipe.untrained(), heads=self.task.baseline_heads))
        baselines = []
        for recipe in tried:
            self._encode(recipe)
            baselines.append(contend(self.field, recipe))
        return baselines

    def _suitable(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        """Those whose heads, where they name any, serve this task."""
        known = set(head_names(self.task.name))
        return [recipe for recipe in recipes if recipe.heads is None or set(recipe.heads) <= known]

    def _has_untrained_twin(self, recipe: Recipe) -> bool:
        """False for word vectors and the like, which have no architecture to speak of."""
        return not any(open_backbone(name).is_classic for name in recipe.backbones)

    def _curves(self) -> tuple[LearningCurve, LearningCurve]:
        """With the winner's features, and with those of the best untransferred model."""
        found: list[LearningCurve] = []
        for contender in (self.winner, self.untransferred):
            if found and contender is self.winner:
                return found[0], found[0]

            def fit(features: Any, y: Any, contender: Contender = contender) -> Any:
                head = contender.choice.refit(features, y)
                return lambda rows: head.outputs(rows, self.field.n_outputs)

            features = self.field.features(contender.recipe)
            found.append(
                learning_curve(
                    features,
                    self.field.y,
                    self.field.folds[:CURVE_FOLDS],
                    fit=fit,
                    metric=self.field.metric,
                    strata=self.data.train_strata,
                    groups=units(self.data.train_groups),
                    deadline=self._until_half_reserve(),
                    random_state=self.field.random_state,
                )
            )
        return found[0], found[1]

    def _until_half_reserve(self) -> Deadline:
        if self.settings.budget_seconds is None:
            return self.deadline
        return Deadline.after(max(0.0, self.deadline.left_seconds - 0.15 * self.settings.budget_seconds))

    def _judged(self, side: str) -> Judged:
        sides = Sides(self.winner, self.untransferred, side, self.saved.sentence)
        if len(self.data.parts.test):
            return judge_on_test(self.data, self.field, sides, self.baselines)
        return judge_by_repeats(self.data, self.field, sides, self.contenders, self.baselines, self.progress)

    def _save(self, contender: Contender, calibrated: Calibration) -> None:
        """Fit the contender's head to all training rows and write the bundle, unless that is what lies there."""
        this = (contender.name, contender.choice.winner.settings, calibrated.to_state())
        if self._on_disk == this:
            return
        head = contender.choice.refit(self.field.features(contender.recipe), self.field.y)
        encoders = []
        for name in contender.recipe.backbones:
            choice = self.library.encoded(name).choice
            settings = EncoderSettings(precision=self.settings.precision)
            encoders.append(BundledEncoder(self.library.backbone(name), settings, choice.runtime, choice.precision))
        save_bundle(
            self.folder.path / "bundle",
            classes=self.field.classes,
            encoders=encoders,
            head=head,
            calibration=calibrated.to_state(),
            about=model_facts(self, contender),
        )
        self._on_disk = this


def _groups_of(heads: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Heads that compete within one line of the leaderboard; those that are the usual measure get their own."""
    ready = [name for name in heads if not head_class(name).missing()]
    rest = tuple(name for name in ready if name not in OWN_LINES)
    return [group for group in (rest, *((name,) for name in ready if name in OWN_LINES)) if group]


def _is_pretrained(card: BackboneCard) -> bool:
    """True for what knows something from elsewhere: classic features of word vectors do, histograms do not."""
    return card.pretraining != "none"
