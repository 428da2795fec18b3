"""Whether rows of another domain helped a target that has labels of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headstart.evaluation.intervals import bootstrap, paired_difference
from headstart.evaluation.metric_names import METRIC_NAMES, shown_score, shown_value
from headstart.report import record as page
from headstart.run.prepared import units
from headstart.selection.tournament import Contender, best_of, strongest

if TYPE_CHECKING:
    from headstart.run.route import Route


def uses_source(contender: Contender) -> bool:
    """True where it learnt from rows of another domain."""
    return bool(contender.recipe.strategy and contender.recipe.backbones)


def source_rivals(route: Route) -> tuple[Contender, ...]:
    """The best model of the target alone, every way of using the source that stands for itself, and the best such.

    Settled by cross-validation, before the test part is read. None where there is no source to learn from.
    """
    everyone = (*route.contenders, *route.baselines)
    using = [contender for contender in everyone if uses_source(contender)]
    if not using:
        return ()
    alone = strongest([contender for contender in everyone if not uses_source(contender)])
    plain = [contender for contender in using if contender.recipe.strategy == "source_only"]
    return tuple(dict.fromkeys((alone, *plain, best_of(using))))


def source_part(route: Route) -> page.SourcePart | None:
    """What the source gave, on the rows that judge; on out-of-fold predictions where no test part could be had."""
    rivals = source_rivals(route)
    if not rivals:
        return None
    alone, *_, best = rivals
    metric, judged = route.field.metric, route.judged
    has_test = all(rival.name in judged.predicted for rival in rivals) and len(route.data.parts.test) > 0
    y, rule = (judged.y, judged.rule) if has_test else (route.field.y, "out of fold, a little optimistic")
    groups = units(route.data.groups[judged.rows] if has_test else route.data.train_groups)
    predicted = {r.name: judged.predicted[r.name] if has_test else r.predicted for r in rivals}
    rows = tuple(
        page.SourceRow(name, shown_score(metric, bootstrap(metric, y, p, groups=groups, rule=rule)))
        for name, p in predicted.items()
    )
    found = paired_difference(metric, y, predicted[best.name], predicted[alone.name], groups=groups)
    said = "makes no clear difference" if found.is_tie else "helps" if found.value > 0 else "hurts"
    gap, *ends = (shown_value(metric, value) for value in (found.value, found.low, found.high))
    low, high = sorted(ends)
    name = METRIC_NAMES.get(metric, metric)
    sentence = (
        f"The source {said}: {name} of {best.name}, against {alone.name} which learnt from the target "
        f"alone, differs by {gap:+.3f} [{low:+.3f}, {high:+.3f}] ({rule})."
    )
    return page.SourcePart(sentence, rows)


def source_result(part: page.SourcePart | None) -> dict[str, Any]:
    """What run.json says of it."""
    if part is None:
        return {}
    rows = [{"name": r.name, "score": vars(r.score) if r.score else None, "note": r.note} for r in part.rows]
    return {"source": {"sentence": part.sentence, "rows": rows}}
