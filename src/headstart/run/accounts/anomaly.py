"""How strange normal and anomalous rows are, what the threshold finds, the strangest examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.evaluation.feature_plane import feature_plane
from headstart.evaluation.intervals import wilson
from headstart.evaluation.metrics import score
from headstart.report import record as page
from headstart.report.number_text import quantity
from headstart.run.judged_model import thumb
from headstart.tasks.anomaly import ANOMALOUS, NORMAL
from headstart.types import Score

if TYPE_CHECKING:
    from headstart.run.judged_model import JudgedModel
    from headstart.run.route import Route

MOST_STRANGE = 24


def figures(route: Route, judged: JudgedModel) -> dict[str, float]:
    """Every metric, and what the threshold does; NaN without labelled anomalies."""
    found = {name: score(name, judged.y, judged.after) for name in route.task.reported}
    alarms = judged.after > _threshold(route)
    return found | {"recall": _mean(alarms[judged.y == 1]), "false_alarms": _mean(alarms[judged.y == 0])}


def result(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """The threshold."""
    return {"threshold": _threshold(route)}


def parts(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """The scores, the strangest examples, the map."""
    alarms = judged.after > _threshold(route)
    rows = [judged.metric_row(name) for name in route.task.reported]
    rows.append(_share("recall at the threshold", alarms[judged.y == 1], judged.rule))
    rows.append(_share("false alarms at the threshold", alarms[judged.y == 0], judged.rule))
    state = route.calibration.to_state()
    return {
        "alarms": page.Alarms(judged.y, judged.after, _threshold(route), _strangest(route, judged)),
        "feature_map": _map(route),
        "settings": route.settings.identity() | {"threshold": f"{_threshold(route):.6g}"},
        "metrics": tuple(row for row in rows if np.isfinite(row.score.value)),
        "calibration_note": f"Threshold: at most {state['false_alarms']:.0%} of the normal training rows lie above it "
        "out of fold.",
    }


def target_text(target: str) -> str:
    """Normal or anomalous."""
    return target


def _threshold(route: Route) -> float:
    return float(route.calibration.to_state()["threshold"])


def _mean(flags: Any) -> float:
    return float(np.mean(flags)) if len(flags) else float("nan")


def _share(name: str, flags: Any, rule: str) -> page.MetricRow:
    if not len(flags):
        return page.MetricRow(name, Score(float("nan"), float("nan"), float("nan"), rule))
    low, high = wilson(float(np.sum(flags)), len(flags))
    return page.MetricRow(name, Score(_mean(flags), low, high, rule), "rows counted one by one")


def _strangest(route: Route, judged: JudgedModel) -> tuple[page.Thumb, ...]:
    rows = np.argsort(-judged.after, kind="stable")[:MOST_STRANGE]
    names = (NORMAL, ANOMALOUS)
    return tuple(thumb(route, judged.rows[i], names[judged.y[i]], quantity(judged.after[i]), None) for i in rows)


def _map(route: Route) -> page.FeatureMap:
    """Training rows by the winner's features; wrong is what the model handed over gets wrong out of fold."""
    y = route.field.y
    features = route.field.features(route.pictured)
    xy, rows, method = feature_plane(features, y, random_state=route.field.random_state)
    dataset = route.data.dataset.take(route.field.rows[rows])
    wrong = (route.handed_over.predicted > _threshold(route)) != (y == 1)
    return page.FeatureMap(xy, y[rows], wrong[rows], dataset.domain, dataset.ids, method, (NORMAL, ANOMALOUS))
