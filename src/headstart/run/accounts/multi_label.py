"""Label by label: how it is found, from which probability on it is said, how far probabilities can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.calibration import reliability_curve
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.metric_names import shown_name, shown_value
from headstart.evaluation.metrics import score
from headstart.report import record as page
from headstart.run.judged_model import thumb

if TYPE_CHECKING:
    from headstart.run.judged_model import JudgedModel
    from headstart.run.route import Route

MOST_ERRORS = 24
DECIDED = ("macro_f1", "micro_f1", "subset_accuracy")
"""Figures of labels as they are said, at the thresholds."""


def figures(route: Route, judged: JudgedModel) -> dict[str, float]:
    """Every metric with its own sign, and F1 of each label."""
    found = {
        shown_name(m): shown_value(m, score(m, judged.y, _looked_at(route, judged, m))) for m in route.task.reported
    }
    return found | {f"f1[{row.name}]": row.f1 for row in _per_class(route, judged)}


def result(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """The thresholds."""
    thresholds = route.calibration.to_state()["thresholds"]
    return {"thresholds": dict(zip(route.field.classes, thresholds, strict=True))}


def parts(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """Figures of each label, reliability, the worst mistakes."""
    counts = {"train": route.field.y.sum(axis=0).astype(np.int64)}
    if len(route.data.parts.test):
        counts["test"] = judged.y.sum(axis=0).astype(np.int64)
    note = "labels as said, from thresholds chosen out of fold"
    rows = tuple(
        judged.metric_row(name, _looked_at(route, judged, name), note if name in DECIDED else "")
        for name in route.task.reported
    )
    return {
        "per_class": _per_class(route, judged),
        "reliability": tuple(_reliability(judged.y, p, name) for name, p in _sides(judged)),
        "errors": _errors(route, judged),
        "class_counts": counts,
        "settings": route.settings.identity(),
        "metrics": rows,
        "calibration_note": "Probabilities and thresholds: fitted to out-of-fold probabilities of training rows.",
    }


def target_text(target: tuple[str, ...]) -> str:
    """The labels."""
    return ", ".join(target) or "no label"


def _sides(judged: JudgedModel) -> tuple[tuple[str, NDArray[np.float64]], ...]:
    return ("before", judged.before), ("after", judged.after)


def _said(route: Route, judged: JudgedModel) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = route.calibration.decide(judged.after)  # type: ignore[attr-defined]
    return found


def _looked_at(route: Route, judged: JudgedModel, metric: str) -> NDArray[np.float64]:
    """What the metric is given: probabilities, or 1 for a label that is said."""
    return _said(route, judged).astype(np.float64) if metric in DECIDED else judged.after


def _per_class(route: Route, judged: JudgedModel) -> tuple[page.ClassRow, ...]:
    said, had = _said(route, judged), judged.y > 0
    rows = []
    for label, name in enumerate(route.field.classes):
        right, n_said, n_had = (
            int(part.sum()) for part in (said[:, label] & had[:, label], said[:, label], had[:, label])
        )
        f1 = bootstrap(
            "macro_f1",
            judged.y[:, [label]],
            said[:, [label]].astype(np.float64),
            groups=judged.groups,
            n_resamples=500,
            rule=judged.rule,
        )
        interval = (f1.low, f1.high) if np.isfinite(f1.value) else None
        rows.append(page.ClassRow(name, right / max(n_said, 1), right / max(n_had, 1), f1.value, n_had, interval))
    return tuple(rows)


def _reliability(y: NDArray[Any], proba: NDArray[np.float64], name: str) -> page.Reliability:
    """All labels' statements together: said or not said, how sure, how often right."""
    flat = proba.reshape(-1)
    curve = reliability_curve(y.reshape(-1).astype(np.int64), np.stack([1 - flat, flat], axis=1))
    return page.Reliability(name, curve.centres, curve.confidence, curve.accuracy, curve.counts, curve.ece)


def _errors(route: Route, judged: JudgedModel) -> tuple[page.Thumb, ...]:
    said, had = _said(route, judged), judged.y > 0
    n_wrong = (said != had).sum(axis=1)
    loss = np.abs(judged.after - judged.y).max(axis=1)
    worst = np.lexsort((-loss, -n_wrong))[:MOST_ERRORS]
    classes = np.array(route.field.classes, dtype=object)
    return tuple(
        thumb(route, judged.rows[i], target_text(tuple(classes[had[i]])), target_text(tuple(classes[said[i]])), None)
        for i in worst
        if n_wrong[i]
    )
