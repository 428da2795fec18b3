"""What rows of another domain gave."""

from __future__ import annotations

from headstart.report.markup import escape
from headstart.report.number_text import figure, interval
from headstart.report.record import ReportRecord
from headstart.report.section import Section, how_to_read, panel, table


def source_section(record: ReportRecord) -> Section | None:
    """Models with and without the source."""
    if record.source is None:
        return None
    rows = [
        [
            escape(row.name),
            figure(row.score.value) if row.score else "",
            interval(row.score) if row.score else "",
            escape(row.note),
        ]
        for row in record.source.rows
    ]
    head = ["Model", record.metric, "95 % interval", "Evidence"]
    how = (
        "A model of the source is worth its place only where it beats what the target alone gives; without labels of "
        "the target an adapted model is taken only where several kinds of evidence agree."
    )
    body = panel("", table(head, rows, caption="With and without the source", numeric={1, 2}), how_to_read(how))
    return Section("source", "What the other domain gives", escape(record.source.sentence), body)
