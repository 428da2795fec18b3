"""The top of the page: what came out, in one sentence and one figure."""

from __future__ import annotations

from headstart.report.interval_plot import interval_axis, interval_plot, score_scale
from headstart.report.markup import escape
from headstart.report.number_text import figure, interval
from headstart.report.record import LeaderboardRow, ReportRecord
from headstart.report.scale import Scale
from headstart.types import Score

_WORDS = {
    "helped": "Verdict: it helped",
    "tie": "Verdict: a tie",
    "hurt": "Verdict: it hurt",
    "alone": "Nothing to transfer",
    "unknown": "Verdict: not known",
}
_SIGNS = {
    "helped": "M6 18 18 6M9 6h9v9",
    "tie": "M5 9h14M5 15h14",
    "hurt": "M6 6l12 12M18 9v9H9",
    "alone": "M6 12h12",
    "unknown": "M6 12h12",
}


def verdict_markup(record: ReportRecord) -> str:
    """The verdict, the headline figure, the comparison that the verdict rests on, and the facts."""
    sign = (
        '<svg class="sign" aria-hidden="true" width="22" height="22" viewBox="0 0 24 24">'
        f'<path d="{_SIGNS[record.verdict_kind]}"/></svg>'
    )
    return (
        f'<section class="verdict is-{record.verdict_kind}" id="verdict" aria-labelledby="verdict-sentence">'
        f'<p class="kicker">{sign}{_WORDS[record.verdict_kind]}</p>'
        f'<h1 id="verdict-sentence">{escape(record.verdict_sentence)}</h1>'
        f'<div class="headline">{_figure(record)}{_comparison(record)}</div>{_facts(record)}</section>'
    )


def _figure(record: ReportRecord) -> str:
    rule = f'<p class="rule">{escape(record.score.rule)}</p>' if record.score.rule else ""
    return (
        f'<div class="big"><p class="metric">{escape(record.metric)}</p>'
        f'<p class="value">{figure(record.score.value)}</p>'
        f'<p class="between">95 % interval {interval(record.score)}</p>{rule}</div>'
    )


def _comparison(record: ReportRecord) -> str:
    winner, rival = record.winner, record.rival
    if winner is None or rival is None or winner.test is None or rival.test is None:
        return ""
    scale = score_scale([winner.test, rival.test])
    better = "further right is better" if record.higher_is_better else "further left is better"
    return (
        '<div class="compare">'
        f"{_line(winner, winner.test, scale, 'is-test')}{_line(rival, rival.test, scale, 'is-rival')}"
        f'<div class="compare-axis">{interval_axis(scale)}</div>'
        f'<p class="note">{escape(record.metric)} on the test part with its 95 % interval; {better}.</p></div>'
    )


def _line(row: LeaderboardRow, test: Score, scale: Scale, kind: str) -> str:
    side = {"transfer": "with transfer", "untransferred": "without transfer", "baseline": "baseline"}[row.kind]
    return (
        f'<div class="compare-line"><p><b>{escape(row.name)}</b><span>{side}</span></p>'
        f"{interval_plot([(test, kind)], scale, label=row.name)}"
        f'<p class="value">{figure(test.value)}</p></div>'
    )


def _facts(record: ReportRecord) -> str:
    if not record.facts:
        return ""
    pairs = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in record.facts)
    return f'<dl class="facts">{pairs}</dl>'
