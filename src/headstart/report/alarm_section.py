"""How strange the examples are, where the threshold lies, and the strangest of them."""

from __future__ import annotations

import numpy as np

from headstart.report.markup import escape
from headstart.report.number_text import count, quantity, tick
from headstart.report.plot import hanging, place, plot
from headstart.report.record import Alarms, ReportRecord, Thumb
from headstart.report.section import Section, how_to_read, panel
from headstart.report.tiles import gallery, truth_caption

N_BINS = 30
"""Bars of the histogram."""


def alarm_section(record: ReportRecord) -> Section | None:
    """The scores with the threshold, and the strangest examples."""
    alarms = record.alarms
    if alarms is None or not len(alarms.scores):
        return None
    how = (
        f"Higher is stranger. Right of the line, at {quantity(alarms.threshold)}, an example is called anomalous. "
        "Normal and anomalous examples stand on top of each other."
    )
    keys = '<span class="key-part part-0">normal</span>'
    keys += '<span class="key-part is-strange">anomalous</span>' if np.any(alarms.is_anomalous) else ""
    chart = f'<p class="legend">{keys}</p><div class="frame-histogram">{score_histogram(alarms)}</div>'
    body = panel("", chart, how_to_read(how)) + _strangest(alarms.strangest)
    lead = "How strange the judged examples are, and the strangest of them."
    return Section("alarms", "What does not look normal", lead, body)


def score_histogram(alarms: Alarms) -> str:
    """An SVG of the scores, normal rows below and anomalous ones on top, with a line at the threshold."""
    scores, marks = np.asarray(alarms.scores, dtype=np.float64), np.asarray(alarms.is_anomalous)
    low, high = (float(end) for end in np.quantile(scores, (0, 0.995)))
    high = max(high, alarms.threshold, low + 1e-9 * max(1.0, abs(low)))
    edges = np.linspace(low, high, N_BINS + 1)
    kept = np.clip(scores, low, high)
    parts = [np.histogram(kept[marks == mark], bins=edges)[0] for mark in (0, 1)]
    most = max(int((parts[0] + parts[1]).max()), 1)
    width = 100 / N_BINS
    bars = []
    for number in range(N_BINS):
        below = 0.0
        for mark, counts in enumerate(parts):
            height, kind = 100 * counts[number] / most, ("part-0", "is-strange")[mark]
            if counts[number]:
                title = f"{('normal', 'anomalous')[mark]}, {tick(edges[number])} to {tick(edges[number + 1])}"
                bars.append(
                    f'<rect class="{kind}" x="{place(number * width + 0.1)}%" width="{place(width - 0.2)}%" '
                    f'y="{place(100 - below - height)}%" height="{place(height)}%">'
                    f"<title>{title}: {count(counts[number])}</title></rect>"
                )
            below += height
    at = place(100 * (alarms.threshold - low) / (high - low))
    line = f'<line class="threshold" x1="{at}%" x2="{at}%" y1="0" y2="100%"/>'
    texts = [
        hanging(100 * i / 5, 100, f'<text y="18" text-anchor="middle">{tick(float(f"{v:.3g}"))}</text>')
        for i, v in enumerate(np.linspace(low, high, 6))
    ]
    ground = '<line class="ground" x1="0" x2="100%" y1="100%" y2="100%"/>'
    title = hanging(50, 100, '<text class="axis-title" y="40" text-anchor="middle">score</text>')
    label = f"Scores of {count(len(scores))} examples"
    return plot("".join([*bars, ground, line, *texts, title]), label=label, height=180, kind="histogram")


def _strangest(thumbs: tuple[Thumb, ...]) -> str:
    return panel("The strangest", gallery(thumbs, _strange)) if thumbs else ""


def _strange(thumb: Thumb) -> str:
    return truth_caption(thumb, f'<span class="sure">{escape(thumb.prediction)}</span>')
