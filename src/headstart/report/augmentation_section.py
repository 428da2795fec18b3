"""Training examples as the tuned model saw them."""

from __future__ import annotations

from headstart.report.markup import escape, shortened
from headstart.report.previews import preview
from headstart.report.record import ReportRecord, Thumb
from headstart.report.section import Section, how_to_read


def augmentation_section(record: ReportRecord) -> Section | None:
    """A row an example: as it came, and as it was in the epochs after."""
    if record.augmented is None or not record.augmented.rows:
        return None
    rows = "".join(
        f'<ul class="gallery">{"".join(_tile(thumb) for thumb in row)}</ul>' for row in record.augmented.rows
    )
    how = (
        "Each row is one training example: first as it came, then as the model saw it in later epochs. If you could no "
        "longer tell its label, take a weaker augmentation, or none."
    )
    lead = f"The model was tuned with the augmentation {record.augmented.policy}."
    return Section("augmentation", "What the model saw", lead, rows + how_to_read(how))


def _tile(thumb: Thumb) -> str:
    name = escape(thumb.id)
    shown = preview(thumb.example, thumb.kind, thumb.id)
    return (
        f'<li><figure><div class="picture">{shown}</div><figcaption>'
        f'<span class="truth" title="label">{escape(thumb.truth)}</span>'
        f'<span class="id" title="{name}">{escape(shortened(thumb.id, 40))}</span></figcaption></figure></li>'
    )
