"""What each part of mixed examples contributes: how far it comes alone, and what is lost without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.registry import get_card
from headstart.evaluation.intervals import paired_difference
from headstart.report.record import PartRow
from headstart.run.prepared import units
from headstart.selection.tournament import Contender
from headstart.types import Score

if TYPE_CHECKING:
    from headstart.run.route import Route


def part_rows(route: Route) -> tuple[PartRow, ...]:
    """One line a part; nothing for examples of one kind.

    What is lost without a part is measured on the test part: the part is hidden from the model that is handed over.
    """
    if route.data.dataset.modality != "mixed":
        return ()
    board = {row.name: row for row in route.leaderboard()}
    lost = _lost_without(route) if len(route.data.parts.test) else {}
    rows = []
    for part in sorted(route.data.dataset.inputs[0]):
        alone = [c for c in (*route.contenders, *route.baselines) if _is_alone(c, part)]
        best = max(alone, key=lambda contender: contender.score, default=None)
        score = None if best is None else board[best.name].cv
        rows.append(PartRow(part, "" if best is None else best.name, score, lost.get(part)))
    return tuple(rows)


def _is_alone(contender: Contender, part: str) -> bool:
    if contender.recipe.label == contender.choice.winner.head:
        return False
    return all(get_card(name).modality == part for name in contender.recipe.backbones)


def _lost_without(route: Route) -> dict[str, Score]:
    """Part -> score with it minus score without it, for the parts that the model uses."""
    model, field = route.handed_over, route.field
    if len(model.recipe.backbones) < 2:
        return {}
    head = model.choice.refit(field.features(model.recipe), field.y)
    rows = route.data.parts.test
    features = field.library.features(model.recipe.backbones, rows)
    whole = _proba(route, head, features)
    ends = np.cumsum([0, *(sum(field.library.widths((name,))) for name in model.recipe.backbones)])
    found = {}
    for number, name in enumerate(model.recipe.backbones):
        hidden = features.copy()
        hidden[:, ends[number] : ends[number + 1]] = 0
        lost = paired_difference(
            field.metric,
            route.judged.y,
            whole,
            _proba(route, head, hidden),
            groups=units(route.data.groups[rows]),
            random_state=field.random_state,
        )
        rule = f"{route.judged.rule}; the part hidden from the fitted model"
        found[get_card(name).modality] = Score(lost.value, lost.low, lost.high, rule)
    return found


def _proba(route: Route, head: Any, features: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(head.outputs(features, route.field.n_outputs))
