"""Class by class, how far confidence can be believed, labels to check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.calibration import reliability_curve
from headstart.evaluation.calibration_interval import calibration_error_score
from headstart.evaluation.feature_plane import feature_plane
from headstart.evaluation.label_audit import suspicious_labels
from headstart.evaluation.metrics import metrics
from headstart.report import record as page
from headstart.run.judged_model import thumb

if TYPE_CHECKING:
    from headstart.run.judged_model import JudgedModel
    from headstart.run.route import Route

MOST_ERRORS, MOST_SUSPICIOUS = 24, 24


def figures(route: Route, judged: JudgedModel) -> dict[str, float]:
    """Every metric, F1 of each class, the calibration error before and after."""
    found = metrics(judged.y, judged.after, route.field.classes)
    return found | {"ece_before_temperature": reliability_curve(judged.y, judged.before).ece}


def result(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """The temperature, and the labels to check."""
    train = route.data.parts.train
    rows = [str(route.data.dataset.ids[train[row]]) for row in _suspicious_rows(route)]
    return {"temperature": route.calibration.to_state()["temperature"], "suspicious_labels": rows}


def parts(route: Route, judged: JudgedModel) -> dict[str, Any]:
    """Confusions, figures of each class, reliability, mistakes, labels to check, the map."""
    classes = route.field.classes
    counts = {"train": np.bincount(route.field.y, minlength=len(classes))}
    if len(route.data.parts.test):
        counts["test"] = np.bincount(judged.y, minlength=len(classes))
    temperature = round(route.calibration.to_state()["temperature"], 4)
    return {
        "confusion": _confusion(judged, len(classes)),
        "per_class": _per_class(classes, _confusion(judged, len(classes))),
        "reliability": _reliability(judged),
        "feature_map": _map(route),
        "errors": _errors(route, judged),
        "suspicious": _suspicious(route),
        "class_counts": counts,
        "settings": route.settings.identity() | {"temperature": temperature},
        "metrics": _metrics(route, judged),
        "calibration_note": "Temperature: fitted to out-of-fold probabilities of training rows.",
    }


def target_text(target: str) -> str:
    """The class name."""
    return target


def _confusion(judged: JudgedModel, n_classes: int) -> NDArray[np.int64]:
    """(n_classes, n_classes) counts: rows are true classes, columns predicted ones."""
    flat = np.bincount(judged.y * n_classes + judged.after.argmax(1), minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes)


def _per_class(classes: tuple[str, ...], counts: NDArray[np.int64]) -> tuple[page.ClassRow, ...]:
    rows = zip(classes, np.diag(counts), counts.sum(1), counts.sum(0), strict=True)
    return tuple(
        page.ClassRow(
            name,
            precision=float(right / max(said, 1)),
            recall=float(right / max(true, 1)),
            f1=float(2 * right / max(true + said, 1)),
            count=int(true),
        )
        for name, right, true, said in rows
    )


def _reliability(judged: JudgedModel) -> tuple[page.Reliability, ...]:
    found = []
    for name, proba in (("before", judged.before), ("after", judged.after)):
        curve = reliability_curve(judged.y, proba)
        found.append(page.Reliability(name, curve.centres, curve.confidence, curve.accuracy, curve.counts, curve.ece))
    return tuple(found)


def _map(route: Route) -> page.FeatureMap:
    """Training rows by the winner's features; wrong is what was wrong out of fold."""
    features, y = route.field.features(route.pictured), route.field.y
    xy, rows, method = feature_plane(features, y, random_state=route.field.random_state)
    dataset = route.data.dataset.take(route.field.rows[rows])
    wrong = route.winner.predicted[rows].argmax(1) != y[rows]
    return page.FeatureMap(xy, y[rows], wrong, dataset.domain, dataset.ids, method)


def _errors(route: Route, judged: JudgedModel) -> tuple[page.Thumb, ...]:
    said = judged.after.argmax(1)
    wrong = np.flatnonzero(said != judged.y)
    wrong = wrong[np.argsort(-judged.after[wrong].max(1), kind="stable")][:MOST_ERRORS]
    classes = route.field.classes
    return tuple(
        thumb(route, judged.rows[i], classes[judged.y[i]], classes[said[i]], judged.after[i].max()) for i in wrong
    )


def _suspicious_rows(route: Route) -> NDArray[np.int64]:
    return suspicious_labels(route.field.y, route.handed_over.predicted, n_most=MOST_SUSPICIOUS)[0]


def _suspicious(route: Route) -> tuple[page.Thumb, ...]:
    classes, proba, field = route.field.classes, route.handed_over.predicted, route.field
    return tuple(
        thumb(route, field.rows[i], classes[field.y[i]], classes[proba[i].argmax()], proba[i].max())
        for i in _suspicious_rows(route)
    )


def _metrics(route: Route, judged: JudgedModel) -> tuple[page.MetricRow, ...]:
    rows = [judged.metric_row(name) for name in route.task.reported]
    for name, proba in (("ECE before temperature", judged.before), ("ECE after temperature", judged.after)):
        error = calibration_error_score(judged.y, proba, groups=judged.groups, rule=judged.rule)
        rows.append(page.MetricRow(name, error, "15 bins of equal width; lower is better"))
    return tuple(rows)
