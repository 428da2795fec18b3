"""What the parts of mixed examples contribute."""

from __future__ import annotations

from headstart.report.markup import escape
from headstart.report.number_text import figure, interval
from headstart.report.record import ReportRecord
from headstart.report.section import Section, how_to_read, panel, table


def parts_section(record: ReportRecord) -> Section | None:
    """Each part alone, and the model without it."""
    if not record.parts:
        return None
    rows = []
    for row in record.parts:
        alone = (figure(row.alone.value), interval(row.alone)) if row.alone else ("", "")
        lost = (f"{row.lost_without.value:+.3f}", interval(row.lost_without)) if row.lost_without else ("not used", "")
        rows.append([escape(row.part), escape(row.model), *alone, *lost])
    head = ["Part", "Best model on it alone", "Alone (CV)", "95 % interval", "Lost without it", "95 % interval"]
    how = (
        "Lost without it: the score of the model handed over minus its score when the part is hidden, on the same test "
        "rows; an interval that holds 0 means that the part may add nothing beside the others."
    )
    body = panel("", table(head, rows, caption="Contribution of each part", numeric={2, 3, 4, 5}), how_to_read(how))
    return Section("parts", "What each part contributes", f"By {record.metric}.", body)
