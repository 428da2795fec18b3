"""Predicted against true numbers, the errors, and how often the interval holds the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.evaluation.feature_plane import feature_plane
from headstart.evaluation.intervals import bootstrap, wilson
from headstart.evaluation.metric_names import shown_name, shown_value
from headstart.evaluation.metrics import score
from headstart.report import record as page
from headstart.report.number_text import quantity
from headstart.run.judged_model import thumb
from headstart.types import Score

if TYPE_CHECKING:
    from headstart.run.judged_model import JudgedModel
    from headstart.run.route import Route

MOST_ERRORS = 24


def figures(route: Route, judged: JudgedModel) -> dict[str, float]:
    """Every metric with its own sign, and the coverage of the interval."""
    found = {shown_name(m): shown_value(m, score(m, judged.y, judged.after)) for m in route.task.reported}
    return found | {"coverage": _coverage(route, judged).value}


def result(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """The interval."""
    return {"interval": route.calibration.to_state()}


def parts(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """The numbers, the worst errors, the map by ranges."""
    state = route.calibration.to_state()
    coverage = _coverage(route, judged)
    rows = [judged.metric_row(name) for name in route.task.reported]
    rows.append(page.MetricRow(f"coverage of the {state['coverage']:.0%} interval", coverage, "share of rows it holds"))
    half_width = state["half_width"]
    ids = tuple(str(route.data.dataset.ids[row]) for row in judged.rows)
    return {
        "numbers": page.Numbers(judged.y, judged.after, half_width, state["coverage"], coverage, ids),
        "feature_map": _map(route),
        "errors": _errors(route, judged),
        "settings": route.settings.identity() | {"interval": f"± {half_width:.6g}"},
        "metrics": tuple(rows),
        "calibration_note": f"Interval: the {state['coverage']:.0%} quantile of the training rows' errors out of fold.",
    }


def target_text(target: float) -> str:
    """The number."""
    return quantity(target)


def _coverage(route: Route, judged: JudgedModel) -> Score:
    """The share of judged rows that the interval holds, with its interval: whole groups are drawn."""
    ends = route.calibration.interval(judged.after)  # type: ignore[attr-defined]
    inside = (judged.y >= ends[:, 0]) & (judged.y <= ends[:, 1])
    if judged.groups is None:
        low, high = wilson(float(inside.sum()), len(inside))
        return Score(float(inside.mean()), low, high, judged.rule)
    said = np.stack([1.0 - inside, inside], axis=1)
    return bootstrap("accuracy", np.ones(len(said), dtype=np.int64), said, groups=judged.groups, rule=judged.rule)


def _errors(route: Route, judged: JudgedModel) -> tuple[page.Thumb, ...]:
    worst = np.argsort(-np.abs(judged.y - judged.after), kind="stable")[:MOST_ERRORS]
    return tuple(thumb(route, judged.rows[i], quantity(judged.y[i]), quantity(judged.after[i]), None) for i in worst)


def _map(route: Route) -> page.FeatureMap:
    """Training rows by the winner's features, coloured by range; wrong is what the interval missed out of fold."""
    y, strata = route.field.y, route.data.train_strata
    features = route.field.features(route.pictured)
    xy, rows, method = feature_plane(features, strata, random_state=route.field.random_state)
    dataset = route.data.dataset.take(route.field.rows[rows])
    missed = np.abs(route.winner.predicted - y) > route.calibration.to_state()["half_width"]
    present = np.unique(strata)
    names = tuple(f"{quantity(y[strata == k].min())} – {quantity(y[strata == k].max())}" for k in present)
    codes = np.searchsorted(present, strata)[rows]
    return page.FeatureMap(xy, codes, missed[rows], dataset.domain, dataset.ids, method, names)
