"""Training examples as the tuned model saw them."""

from __future__ import annotations

from headstart.report.record import ReportRecord
from headstart.report.section import Section, how_to_read
from headstart.report.tiles import gallery, truth_caption


def augmentation_section(record: ReportRecord) -> Section | None:
    """A row an example: as it came, and as it was in the epochs after."""
    if record.augmented is None or not record.augmented.rows:
        return None
    rows = "".join(gallery(row, truth_caption) for row in record.augmented.rows)
    how = (
        "Each row is one training example: first as it came, then as the model saw it in later epochs. If you could no "
        "longer tell its label, take a weaker augmentation, or none."
    )
    lead = f"The model was tuned with the augmentation {record.augmented.policy}."
    return Section("augmentation", "What the model saw", lead, rows + how_to_read(how))
