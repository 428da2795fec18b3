"""A score as a dot on its interval: one small plot a line, all lines on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterable

from headstart.report.markup import escape
from headstart.report.number_text import figure, tick
from headstart.report.plot import place
from headstart.report.scale import Scale, linear_scale
from headstart.types import Score


def score_scale(scores: Iterable[Score | None]) -> Scale:
    """A scale that holds every interval; figures of 0..1 stay within 0..1."""
    values = [v for score in scores if score for v in (score.low, score.value, score.high) if math.isfinite(v)]
    is_share = bool(values) and min(values) >= 0 and max(values) <= 1
    return linear_scale(values, floor=0.0 if is_share else -math.inf, ceiling=1.0 if is_share else math.inf, n_ticks=6)


def interval_plot(marks: Iterable[tuple[Score | None, str]], scale: Scale, *, label: str) -> str:
    """One line of dots on intervals under each other.

    Args:
        marks: scores with the style of each, e.g. "is-cv" or "is-test"; None is left out.
        scale: the one all lines share.
        label: what the line is about, for readers who do not see it.
    """
    shown = [(score, kind) for score, kind in marks if score is not None and math.isfinite(score.value)]
    grid = "".join(
        f'<line class="grid" x1="{place(scale.at(t))}%" x2="{place(scale.at(t))}%" y1="0" y2="100%"/>'
        for t in scale.ticks
    )
    drawn = [_mark(score, kind, scale, 15 * (i - (len(shown) - 1) / 2)) for i, (score, kind) in enumerate(shown)]
    words = "; ".join(_words(score) for score, _ in shown) or "no score"
    return (
        f'<svg class="interval" role="img" aria-label="{escape(label)}: {escape(words)}" width="100%" '
        f'height="{14 + 15 * max(len(shown), 1)}">{grid}{"".join(drawn)}</svg>'
    )


def interval_axis(scale: Scale) -> str:
    """The numbers of the scale all lines share."""
    texts = "".join(
        f'<text x="{place(scale.at(t))}%" y="12" text-anchor="middle">{tick(t)}</text>' for t in scale.ticks
    )
    return f'<svg class="interval-axis" aria-hidden="true" width="100%" height="16">{texts}</svg>'


def _mark(score: Score, kind: str, scale: Scale, shift: float) -> str:
    ends = [v if math.isfinite(v) else score.value for v in (score.low, score.high)]
    low, high = (place(scale.at(v)) for v in ends)
    return (
        f'<g class="{kind}" transform="translate(0 {place(shift)})"><title>{escape(_words(score))}</title>'
        f'<line class="whisker" x1="{low}%" x2="{high}%" y1="50%" y2="50%"/>'
        f'<circle cx="{place(scale.at(score.value))}%" cy="50%" r="5"/></g>'
    )


def _words(score: Score) -> str:
    words = f"{figure(score.value)}, 95 % interval {figure(score.low)} to {figure(score.high)}"
    return f"{words} ({score.rule})" if score.rule else words
