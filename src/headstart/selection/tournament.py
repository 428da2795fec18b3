"""Contenders judged on the same folds; the winner is the cheapest of those that are not clearly worse than the best."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.deadline import Deadline
from headstart.evaluation.metrics import score
from headstart.selection.choose_head import HeadChoice, choose_head
from headstart.selection.recipe import Recipe
from headstart.selection.source_model import Elsewhere, SourceModel, SourceSettings
from headstart.selection.strategy_choice import StrategyChoice, try_strategy
from headstart.strategies.raw_head import RAW_STRATEGIES, RawHead
from headstart.types import Progress, silent

if TYPE_CHECKING:
    from headstart.features.library import FeatureLibrary
    from headstart.heads._path_result import Folds


@dataclass(frozen=True, eq=False)
class Field:
    """What every contender is judged on: training rows only.

    Args:
        library: gives features of any rows.
        rows: (n,) the rows that may be learnt from, as positions in the library's data set.
        y: their encoded targets, e.g. (n,) codes.
        classes: the class names; none for numbers.
        folds: (training rows, validation rows) as positions in ``rows``.
        groups: (n,) groups, or None.
        metric: name of what is maximised.
        heads: names to try, or None for all that are affordable.
        class_weight: None or "balanced".
        random_state: seed of the heads.
        task: what is asked.
        elsewhere: rows of other domains and without labels, or None.
    """

    library: FeatureLibrary
    rows: NDArray[np.int64]
    y: NDArray[Any]
    classes: tuple[str, ...]
    folds: Folds
    groups: NDArray[Any] | None
    metric: str
    heads: tuple[str, ...] | None = None
    class_weight: str | None = None
    random_state: int = 0
    task: str = "classification"
    elsewhere: Elsewhere | None = None

    @property
    def n_outputs(self) -> int:
        """Columns of what is predicted."""
        return max(1, len(self.classes))

    def features(self, recipe: Recipe, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """What the recipe's model takes: (n, dim) features; or (n,) raw examples, or positions of rows, for a strategy.

        Args:
            recipe: what is asked for.
            rows: positions in the library's data set; default: the rows that may be learnt from.
        """
        rows = self.rows if rows is None else rows
        if recipe.strategy:
            return rows if recipe.backbones else self.library.examples(rows)
        return self.library.features(recipe.backbones, rows)

    def model(self, recipe: Recipe) -> Any:
        """The unfitted model of a strategy."""
        settings = dict(recipe.settings)
        if not recipe.backbones:
            return RawHead(recipe.strategy, self._shared(recipe.strategy) | settings, self.library.modality)
        assert self.elsewhere is not None, "a recipe with features and a strategy learns from elsewhere"
        head = settings.pop("head")
        is_number = self.task == "regression"
        kind = SourceSettings(recipe.strategy, head, settings, recipe.backbones, is_number)
        return SourceModel(kind, self.library, self.elsewhere)

    def _shared(self, strategy: str) -> dict[str, Any]:
        """Settings that the run decides for whatever is trained."""
        known = signature(RAW_STRATEGIES.class_of(strategy)).parameters
        given = {"cache": self.library.cache, "random_state": self.random_state, "class_weight": self.class_weight}
        return {name: value for name, value in given.items() if name in known}


@dataclass(frozen=True, eq=False)
class Contender:
    """One recipe with the head that suits it best.

    Args:
        recipe: which features.
        choice: the head, with its out-of-fold predictions.
        score: the metric on all out-of-fold predictions.
        fold_scores: (n_folds,) the metric on each validation part.
        encode_seconds: of its backbones in this run.
        fit_seconds: of choosing its head.
        peak_bytes: largest resident memory of the process so far.
    """

    recipe: Recipe
    choice: HeadChoice | StrategyChoice
    score: float
    fold_scores: NDArray[np.float64]
    encode_seconds: float
    fit_seconds: float
    peak_bytes: int

    @property
    def name(self) -> str:
        """What people read: features and head."""
        head = self.choice.winner.head
        is_told = self.recipe.label == head or (self.recipe.strategy and not self.recipe.backbones)
        return self.recipe.name if is_told else f"{self.recipe.name} / {head}"

    @property
    def predicted(self) -> NDArray[np.float64]:
        """(n, n_classes) out-of-fold probabilities, or what else the task predicts."""
        return self.choice.probabilities


def contend(
    field: Field, recipe: Recipe, *, deadline: Deadline | None = None, progress: Progress = silent
) -> Contender:
    """Encode what the recipe needs and choose its head by cross-validation; or cross-validate its strategy."""
    features = field.features(recipe)
    begin = time.perf_counter()
    choice = (
        _strategy(field, recipe, features) if recipe.strategy else _head(field, recipe, features, deadline, progress)
    )
    return Contender(
        recipe=recipe,
        choice=choice,
        score=score(field.metric, field.y, choice.probabilities),
        fold_scores=choice.winner.fold_scores,
        encode_seconds=sum(field.library.seconds[name] for name in recipe.backbones),
        fit_seconds=time.perf_counter() - begin,
        peak_bytes=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def _strategy(field: Field, recipe: Recipe, examples: NDArray[Any]) -> StrategyChoice:
    return try_strategy(
        recipe.strategy,
        dict(recipe.settings),
        lambda: field.model(recipe),
        examples,
        field.y,
        n_outputs=field.n_outputs,
        folds=field.folds,
        metric=field.metric,
    )


def _head(
    field: Field, recipe: Recipe, features: NDArray[np.float32], deadline: Deadline | None, progress: Progress
) -> HeadChoice:
    return choose_head(
        features,
        field.y,
        field.classes,
        field.folds,
        task=field.task,
        heads=recipe.heads or field.heads,
        metric=field.metric,
        groups=field.groups,
        class_weight=field.class_weight,
        deadline=deadline,
        progress=progress,
        random_state=field.random_state,
        blocks=field.library.widths(recipe.backbones),
    )


def strongest(contenders: Sequence[Contender]) -> Contender:
    """The one of the highest score; where none has a score, the second, as the first knows nothing."""
    known = [contender for contender in contenders if not np.isnan(contender.score)]
    return max(known, key=lambda contender: contender.score) if known else contenders[min(1, len(contenders) - 1)]


def best_of(contenders: Sequence[Contender]) -> Contender:
    """The first of ``contenders``, cheapest first, whose score is within one standard error of the best one's.

    The standard error is that of the paired differences over the folds.
    """
    known = [contender for contender in contenders if not np.isnan(contender.score)]
    best = max(known or contenders[:1], key=lambda contender: contender.score)
    for contender in contenders:
        lost = best.fold_scores - contender.fold_scores
        lost = lost[~np.isnan(lost)]
        error = lost.std(ddof=1) / np.sqrt(len(lost)) if len(lost) > 1 else 0.0
        if contender is best or (len(lost) and lost.mean() <= error):
            return contender
    return best
