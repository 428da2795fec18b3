"""The honest figures: the test part read once by the winner and the baselines, or repeated cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.folds import folds
from headstart.evaluation.intervals import Difference, bootstrap, corrected_interval
from headstart.evaluation.kinds.kind import bounds_of
from headstart.evaluation.metrics import score
from headstart.run.prepared import Prepared, units
from headstart.selection.recipe import Recipe
from headstart.selection.tournament import Contender, Field, best_of, contend
from headstart.selection.verdict import Rival, Verdict, alone, judge
from headstart.tasks.registry import get_task
from headstart.types import Progress, Score, silent

N_REPEATS = 3
"""Repeats of the cross-validation that stands in for a test part."""


@dataclass(frozen=True, eq=False)
class Sides:
    """What is compared, settled before any of it is judged.

    Args:
        winner: the best contender with pretrained features, by cross-validation.
        untransferred: the best one without, by cross-validation.
        handed_over: "transfer" or "untransferred".
        saved: what transfer saved, a sentence.
        ending: what is said of the hand-over where it did not hang on this comparison.
    """

    winner: Contender
    untransferred: Contender
    handed_over: str
    saved: str
    ending: str | None = None

    @property
    def is_alone(self) -> bool:
        """True where there was nothing to transfer from."""
        return self.winner is self.untransferred


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found on rows that no choice had seen.

    Args:
        rows: (m,) the rows, as positions in the prepared data set.
        y: their encoded targets, e.g. (m,) codes.
        predicted: name of a contender -> its predictions, e.g. (m, n_classes) probabilities, before calibration.
        scores: name of a contender -> its score with interval.
        verdict: whether transfer helped.
        rule: how the rows were read.
    """

    rows: NDArray[np.int64]
    y: NDArray[Any]
    predicted: dict[str, NDArray[np.float64]]
    scores: dict[str, Score]
    verdict: Verdict
    rule: str


def judge_on_test(data: Prepared, field: Field, sides: Sides, baselines: Sequence[Contender]) -> Judged:
    """Fit the winner and the baselines to all training rows; read the test part once."""
    rule = "honest: test part, read once"
    predicted = {}
    for contender in dict.fromkeys((*([] if sides.is_alone else [sides.winner]), *baselines)):
        head = contender.choice.refit(field.features(contender.recipe), field.y)
        features = field.features(contender.recipe, data.parts.test)
        predicted[contender.name] = head.outputs(features, field.n_outputs)
    y, groups = data.test_y(), units(data.groups[data.parts.test])
    scores = {
        name: bootstrap(field.metric, y, p, groups=groups, random_state=field.random_state, rule=rule)
        for name, p in predicted.items()
    }
    where = f"on {len(y):,} test rows{' of the source' if sides.ending else ''}, read once"
    if sides.is_alone:
        name = sides.winner.name
        rival = Rival(name, predicted[name], scores[name].value)
        verdict = alone(field.metric, rival, scores[name], rule=rule, where=where, ending=sides.ending)
        return Judged(data.parts.test, y, predicted, scores, verdict, rule)
    verdict = judge(
        field.metric,
        y,
        *(Rival(c.name, predicted[c.name], scores[c.name].value) for c in (sides.winner, sides.untransferred)),
        handed_over=sides.handed_over,
        rule=rule,
        where=where,
        saved=sides.saved,
        ending=sides.ending,
        groups=groups,
        random_state=field.random_state,
    )
    return Judged(data.parts.test, y, predicted, scores, verdict, rule)


def judge_by_repeats(
    data: Prepared,
    field: Field,
    sides: Sides,
    contenders: Sequence[Contender],
    baselines: Sequence[Contender],
    progress: Progress = silent,
) -> Judged:
    """Too few rows for a test part: choose and fit anew inside every fold of a repeated cross-validation."""
    rule = f"honest: {N_REPEATS} times repeated cross-validation, chosen anew inside every fold"
    n, shape = len(field.y), (*contenders, *baselines)[0].predicted.shape
    sums = {name: np.zeros(shape) for name in ("transfer", "untransferred")}
    fold_scores: dict[str, list[float]] = {name: [] for name in sums}
    recipes = {"transfer": [c.recipe for c in contenders], "untransferred": [c.recipe for c in baselines]}
    if sides.is_alone:
        recipes["transfer"] = recipes["untransferred"]
    features = {recipe: field.features(recipe) for group in recipes.values() for recipe in group}
    sizes: list[tuple[int, int]] = []
    for repeat in range(N_REPEATS):
        seed = field.random_state + 1 + repeat
        cut = folds(data.strata_of(field.y), groups=data.train_groups, n_folds=len(data.folds), random_state=seed)
        for number, (train, valid) in enumerate(cut):
            sizes.append((len(train), len(valid)))
            for side, group in recipes.items():
                predicted = _chosen_inside(field, group, features, data, train, valid, seed)
                sums[side][valid] += predicted / N_REPEATS
                fold_scores[side].append(score(field.metric, field.y[valid], predicted))
            progress("repeats", repeat * len(cut) + number + 1, N_REPEATS * len(cut))
    n_train, n_valid = (round(float(np.mean(column))) for column in zip(*sizes, strict=True))
    bounds = bounds_of(field.metric)
    scores = {side: _interval(np.array(s), n_train, n_valid, rule, bounds) for side, s in fold_scores.items()}
    lost = np.array(fold_scores["transfer"]) - np.array(fold_scores["untransferred"])
    paired = _interval(lost, n_train, n_valid, rule, (bounds[0] - bounds[1], bounds[1] - bounds[0]))
    where = f"over {len(sizes)} validation parts of a repeated cross-validation ({n} rows are too few to test on)"
    if sides.is_alone:
        rival = Rival(sides.winner.name, sums["untransferred"], scores["untransferred"].value)
        known = scores["untransferred"]
        verdict = alone(field.metric, rival, known, rule=rule, where=where, ending=sides.ending)
        name = sides.winner.name
        mine = {name: rival.predicted}
        return Judged(data.parts.train, field.y, mine, {name: scores["untransferred"]}, verdict, rule)
    verdict = judge(
        field.metric,
        field.y,
        Rival(sides.winner.name, sums["transfer"], scores["transfer"].value),
        Rival(sides.untransferred.name, sums["untransferred"], scores["untransferred"].value),
        handed_over=sides.handed_over,
        rule=rule,
        where=where,
        saved=sides.saved,
        ending=sides.ending,
        difference=Difference(paired.value, paired.low, paired.high),
    )
    named = {sides.winner.name: "transfer", sides.untransferred.name: "untransferred"}
    return Judged(
        rows=data.parts.train,
        y=field.y,
        predicted={name: sums[side] for name, side in named.items()},
        scores={name: scores[side] for name, side in named.items()},
        verdict=verdict,
        rule=rule,
    )


def _chosen_inside(
    field: Field,
    recipes: Sequence[Recipe],
    features: dict[Recipe, NDArray[np.float32]],
    data: Prepared,
    train: NDArray[np.int64],
    valid: NDArray[np.int64],
    seed: int,
) -> NDArray[np.float64]:
    """What is predicted for ``valid`` by what is chosen, fitted and asked without ever seeing it."""
    y = field.y[train]
    inner = folds(data.strata_of(y), groups=data.train_groups[train], n_folds=len(data.folds), random_state=seed)
    tried = []
    for recipe in recipes:
        own = replace(field, rows=field.rows[train], y=y, folds=inner, groups=None, heads=_affordable(field))
        tried.append(contend(own, recipe))
    best = best_of(tried)
    rows = features[best.recipe]
    head = best.choice.refit(rows[train], y)
    return np.asarray(head.outputs(rows[valid], field.n_outputs))


def _affordable(field: Field) -> tuple[str, ...]:
    """Heads that are fitted in a blink, for choosing inside folds."""
    return field.heads or get_task(field.task).baseline_heads


def _interval(scores: NDArray[np.float64], n_train: int, n_valid: int, rule: str, bounds: tuple[float, float]) -> Score:
    """The corrected interval; NaN where hardly any fold has a score."""
    if np.count_nonzero(~np.isnan(scores)) < 2:
        return Score(float("nan"), float("nan"), float("nan"), rule)
    return corrected_interval(scores, n_train, n_valid, rule, bounds=bounds)
