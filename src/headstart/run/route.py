"""From audited data to a proven, saved and reported model, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from headstart.bundle.save import BundledEncoder, save_bundle
from headstart.data.audit import Audit
from headstart.data.problem import Problem
from headstart.evaluation.calibrations import Calibration, calibration
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.learning_curve import LabelsSaved, LearningCurve, labels_saved, learning_curve
from headstart.features.library import FeatureLibrary
from headstart.features.settings import EncoderSettings
from headstart.run.budget import JUDGING_SHARE, Budget
from headstart.run.contest import Contest
from headstart.run.judgement import Judged, Sides, judge_by_repeats, judge_on_test
from headstart.run.model_facts import model_facts
from headstart.run.prepared import Prepared, prepare, units
from headstart.run.run_folder import RunFolder
from headstart.run.settings import FitSettings
from headstart.run.source_account import source_rivals
from headstart.run.target_domain import TargetModel, can_be_adapted, target_model
from headstart.selection.leaderboard import Leaderboard, LeaderboardRow
from headstart.selection.recipe import Recipe
from headstart.selection.source_model import SourceModel
from headstart.selection.tournament import Contender, Field, best_of, strongest
from headstart.selection.verdict import choose_hand_over
from headstart.strategies.raw_head import RAW_STRATEGIES
from headstart.tasks.registry import get_task
from headstart.types import Progress

if TYPE_CHECKING:
    from headstart.run.fit import Run

T = TypeVar("T")

CURVE_FOLDS = 3
"""Folds of a learning curve."""
CV_RULE = "honest: out of fold; the best of several choices, so a little optimistic"


@dataclass
class Route:
    """One run on its way.

    Args:
        problem: the data as read, and what each row is for.
        audited: what the audit saw.
        settings: what the user asked.
        folder: where results go.
        cache: of features.
        started: :func:`time.monotonic` at the beginning.
        progress: told of long work.
    """

    problem: Problem
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

        self.found = self.problem.found
        self.task = get_task(self.found.dataset.task)
        self.budget = Budget.of(self.settings.budget_seconds, self.seconds())
        self.data: Prepared = self._stage("split", lambda: prepare(self.problem, self.audited, self.settings))
        self.library = FeatureLibrary(
            self.data.whole,
            self.data.whole_digests,
            learn_rows=self.data.learn_rows,
            precision=self.settings.precision,
            cache=self.cache,
            decide=self.folder.decide,
            progress=self.progress,
        )
        self.field = self._field()
        contest = self._contest()
        self.contenders = contest.contenders()
        best = best_of(self.contenders) if self.contenders else None
        self.baselines = contest.baselines(self.contenders)
        self.untransferred = strongest(self.baselines)
        self.winner = best or self.untransferred
        side = self._side()
        self.handed_over = self.winner if side == "transfer" else self.untransferred
        self.calibration = self._calibrated(self.handed_over)
        self.target = self._stage("target", self._target)
        side = "transfer" if self.handed_over is self.winner is not self.untransferred else "untransferred"
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

    @property
    def pictured(self) -> Recipe:
        """The features that maps and outliers are drawn from: the winner's, or those of the best that has some."""
        able = [contender for contender in (*self.contenders, *self.baselines) if contender.recipe.backbones]
        own = [contender for contender in able if contender in self.contenders]
        best = self.winner if self.winner.recipe.backbones else strongest(own or able)
        return Recipe(best.recipe.backbones)

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
            elsewhere=self.data.elsewhere if self.problem.is_labelled else None,
        )

    def _contest(self) -> Contest:
        return Contest(
            data=self.data,
            field=self.field,
            settings=self.settings,
            folder=self.folder,
            budget=self.budget,
            stage=self._stage,
            save_first=lambda contender: self._stage(
                "saving", lambda: self._save(contender, self._calibrated(contender))
            ),
            progress=self.progress,
        )

    def _target(self) -> TargetModel | None:
        """What is handed over for a target without labels to learn from, or None where it has some."""
        if not self.problem.has_source or self.problem.is_labelled or self.task.name != "classification":
            return None
        able = [c for c in (self.handed_over, *self.contenders, *self.baselines) if can_be_adapted(c)]
        if self.handed_over not in able:
            self.handed_over = strongest(able)
            self.calibration = self._calibrated(self.handed_over)
        named = tuple(name for name in self.settings.strategies or () if name not in RAW_STRATEGIES.names())
        return target_model(self.data, self.field, self.handed_over, named or None, self.settings.random_state)

    def _calibrated(self, contender: Contender) -> Calibration:
        """What makes the contender's outputs honest, from its out-of-fold predictions."""
        made = calibration(self.task.calibration)
        made.fit(self.field.y, contender.predicted)
        return made

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
            is_slow = bool(contender.recipe.strategy and not contender.recipe.backbones)
            folds = self.field.folds[: 1 if is_slow else CURVE_FOLDS]
            found.append(
                learning_curve(
                    features,
                    self.field.y,
                    folds,
                    sizes=_few_sizes(len(folds[0][0])) if is_slow else None,
                    fit=fit,
                    metric=self.field.metric,
                    strata=self.data.train_strata,
                    groups=units(self.data.train_groups),
                    deadline=self.budget.keeping(JUDGING_SHARE),
                    random_state=self.field.random_state,
                )
            )
        return found[0], found[1]

    def _judged(self, side: str) -> Judged:
        ending = None if self.target is None else self.target.part.sentence
        sides = Sides(self.winner, self.untransferred, side, self.saved.sentence, ending)
        if len(self.data.parts.test):
            judged = (*self.baselines, *source_rivals(self))
            return judge_on_test(self.data, self.field, sides, judged)
        return judge_by_repeats(self.data, self.field, sides, self.contenders, self.baselines, self.progress)

    def _save(self, contender: Contender, calibrated: Calibration) -> None:
        """Fit the contender's head to all training rows and write the bundle, unless that is what lies there."""
        target = getattr(self, "target", None)
        calibrated = calibrated if target is None else target.calibration
        this = (contender.name, contender.choice.winner.settings, calibrated.to_state())
        if self._on_disk == this and target is None:
            return
        fitted = contender.choice.refit(self.field.features(contender.recipe), self.field.y)
        head = fitted.as_saved if isinstance(fitted, SourceModel) else fitted
        head = head if target is None else target.head or head
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


def _few_sizes(n: int) -> list[int]:
    """Points of the learning curve of what takes long to train.

    >>> _few_sizes(160)
    [40, 80, 160]
    """
    return sorted({max(2, n // 4), max(2, n // 2), n})
