"""What came in, and whether it is sound."""

from __future__ import annotations

from headstart.report.bars import MAX_CLASSES, class_bars, histogram
from headstart.report.markup import escape
from headstart.report.number_text import count
from headstart.report.record import AuditFinding, ReportRecord
from headstart.report.section import Section, beside, how_to_read, panel
from headstart.types import Guess

_RANK = {"error": 0, "warning": 1, "note": 2}


def data_section(record: ReportRecord) -> Section | None:
    """How the examples spread over the classes and over sizes, and what was guessed about them."""
    body = beside(_balance(record), _sizes(record)) + _guesses(record.guesses)
    if not body:
        return None
    return Section("data", "The data", "What was read, and what was taken for granted.", body)


def audit_section(record: ReportRecord) -> Section | None:
    """What the audit found, worst first."""
    if not record.findings:
        return None
    findings = sorted(record.findings, key=lambda finding: _RANK.get(finding.severity, 3))
    items = "".join(_finding(finding) for finding in findings)
    body = f'<ul class="findings">{items}</ul>'
    return Section("audit", "Audit", "What was found in the files before and after training, worst first.", body)


def _balance(record: ReportRecord) -> str:
    if not record.class_counts or not record.classes:
        return ""
    keys = "".join(
        f'<span class="key-part part-{i % 3}">{escape(part)}</span>' for i, part in enumerate(record.class_counts)
    )
    left_out = len(record.classes) > MAX_CLASSES
    how = f"The 20 largest and the 10 smallest of {len(record.classes)} classes." if left_out else ""
    chart = f'<p class="legend">{keys}</p>{class_bars(record.class_counts, record.classes)}'
    return panel("Examples a class", chart, how_to_read(how) if how else "")


def _sizes(record: ReportRecord) -> str:
    if record.sizes is None or not len(record.sizes.counts):
        return ""
    return panel("Sizes", f'<div class="frame-histogram">{histogram(record.sizes)}</div>')


def _guesses(guesses: tuple[Guess, ...]) -> str:
    if not guesses:
        return ""
    items = "".join(
        f"<li><p><span>{escape(guess.what)}</span><b>{escape(guess.value)}</b></p><p>{escape(guess.why)}</p>"
        f"<p>Otherwise: <code>{escape(guess.override)}</code></p></li>"
        for guess in guesses
    )
    return panel("What was guessed", f'<ul class="guesses">{items}</ul>')


def _finding(finding: AuditFinding) -> str:
    rows = (
        f'<span class="rows">{count(finding.count)} {"row" if finding.count == 1 else "rows"}</span>'
        if finding.count
        else ""
    )
    shown = "".join(f"<code>{escape(name)}</code>" for name in finding.ids)
    more = (
        f"<span>and {count(finding.count - len(finding.ids))} more</span>"
        if 0 < len(finding.ids) < finding.count
        else ""
    )
    examples = f'<p class="ids">{shown}{more}</p>' if shown else ""
    return (
        f'<li class="is-{escape(finding.severity)}"><span class="severity">{escape(finding.severity)}</span>'
        f"<div><p>{escape(finding.text)}{rows}</p>{examples}</div></li>"
    )
