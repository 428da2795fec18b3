"""The model that is handed over, on the rows that judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.metric_names import is_error, shown_name, shown_score
from headstart.report import record as page
from headstart.run.prepared import units
from headstart.types import Score

if TYPE_CHECKING:
    from headstart.run.route import Route


class JudgedModel:
    """Predictions of the handed-over model on the judged rows, before and after calibration.

    Args:
        route: at its end.
    """

    def __init__(self, route: Route) -> None:
        self.rows, self.y = route.judged.rows, route.judged.y
        self.before: NDArray[np.float64] = route.judged.predicted[route.handed_over.name]
        self.after = route.calibration.transform(self.before)
        self.groups = units(route.data.groups[self.rows])
        self.rule = route.judged.rule

    def score(self, metric: str, predicted: NDArray[Any] | None = None) -> Score:
        """The metric with its interval, of the calibrated predictions or of others for the same rows."""
        return bootstrap(
            metric, self.y, self.after if predicted is None else predicted, groups=self.groups, rule=self.rule
        )

    def metric_row(self, metric: str, predicted: NDArray[Any] | None = None, note: str = "") -> page.MetricRow:
        """The metric with its own sign."""
        score = shown_score(metric, self.score(metric, predicted))
        note = "; ".join(part for part in (note, "lower is better" if is_error(metric) else "") if part)
        return page.MetricRow(shown_name(metric), score, note)


def thumb(route: Route, row: int, truth: str, prediction: str, confidence: float | None) -> page.Thumb:
    """One example to look at; ``row`` is a position in the prepared data set."""
    dataset = route.data.dataset
    sure = None if confidence is None else float(confidence)
    return page.Thumb(dataset.inputs[row], str(dataset.ids[row]), truth, prediction, sure, dataset.modality)
