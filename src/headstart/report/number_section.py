"""How far predicted numbers lie from the true ones, and whether the interval keeps its promise."""

from __future__ import annotations

import numpy as np

from headstart.report.bars import histogram
from headstart.report.number_text import count, figure, interval, percent, quantity, tick
from headstart.report.plot import band, dot, line, plot, stretched, x_axis, y_axis
from headstart.report.record import Histogram, Numbers, ReportRecord
from headstart.report.scale import Scale, linear_scale
from headstart.report.section import Section, beside, how_to_read, panel

MAX_POINTS = 1500
"""More points than this are thinned out evenly."""
N_BINS = 20
"""Bars of the histogram of errors, about."""


def number_section(record: ReportRecord) -> Section | None:
    """Predicted against true, the errors, the interval."""
    numbers = record.numbers
    if numbers is None or not len(numbers.truth):
        return None
    how = (
        "Each dot is an example: on the diagonal it is predicted exactly, above it too high, below too low. The band "
        f"is the {percent(numbers.stated)} interval around a prediction."
    )
    chart = panel("", f'<div class="frame-axes">{scatter(numbers)}</div>', how_to_read(how))
    errors = np.asarray(numbers.predicted, dtype=np.float64) - np.asarray(numbers.truth, dtype=np.float64)
    edges = np.array(linear_scale(errors.tolist(), n_ticks=N_BINS).ticks)
    bars = histogram(Histogram("predicted minus true", edges, np.histogram(errors, bins=edges)[0]))
    promise = (
        f"The interval of ± {quantity(numbers.half_width)} is meant to hold {percent(numbers.stated)} of new examples; "
        f"it held {percent(numbers.coverage.value)} of these (95 % interval {interval(numbers.coverage)})."
    )
    aside = panel("Errors", f'<div class="frame-histogram">{bars}</div>', how_to_read(promise))
    lead = "How far the predicted numbers lie from the true ones."
    return Section("numbers", "Predicted and true", lead, beside(chart, aside))


def scatter(numbers: Numbers) -> str:
    """An SVG of predicted against true numbers with the diagonal and the interval's band."""
    truth, predicted = (np.asarray(part, dtype=np.float64) for part in (numbers.truth, numbers.predicted))
    scale = linear_scale([*truth.tolist(), *predicted.tolist()], n_ticks=6)
    rows = np.arange(len(truth))
    if len(rows) > MAX_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_POINTS).round().astype(np.int64)]
    half = numbers.half_width / (scale.high - scale.low) * 100
    xs = sorted({0.0, 100.0, *(min(100.0, max(0.0, x)) for x in (half, 100 - half))})
    lows, highs = ([min(100.0, max(0.0, x + shift)) for x in xs] for shift in (-half, half))
    ground = stretched(band(xs, lows, highs, "band"))
    ideal = stretched(line((0, 100), (0, 100), "ideal"))
    dots = "".join(_dot(numbers, int(row), scale, truth[row], predicted[row]) for row in rows)
    label = f"Predicted against true numbers of {count(len(truth))} examples"
    axes = x_axis(scale, "true", tick) + y_axis(scale, "predicted", tick)
    return plot(axes + f'<g class="k0 is-solid">{ground}</g>{ideal}<g class="k0">{dots}</g>', label=label, height=360)


def _dot(numbers: Numbers, row: int, scale: Scale, truth: float, predicted: float) -> str:
    name = f"{numbers.ids[row]}: " if row < len(numbers.ids) else ""
    title = f"{name}true {quantity(truth)}, predicted {quantity(predicted)}, off by {figure(predicted - truth)}"
    return dot(scale.at(truth), scale.at(predicted), 3, "point", title)
